package example;

import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import project.v1.ProjectOuterClass.ProcessProgress;
import rialto.v1.Publisher.Accepted;
import workflow.v1.Workflow.WorkflowStepCompleted;

/**
 * Publishes events to Rialto and says what became of them.
 *
 * <pre>
 * mvn -q compile exec:java -Dexec.args="--count 1000"
 * mvn -q compile exec:java -Dexec.args="--event ../step.json"    a workflow.step_completed as ProtoJSON
 * </pre>
 */
public final class Main {
  public static void main(String[] args) throws Exception {
    var options = new HashMap<>(Map.of("--address", "127.0.0.1:50051", "--count", "100", "--interval-ms", "0"));
    for (int i = 0; i + 1 < args.length; i += 2) {
      options.put(args[i], args[i + 1]);
    }
    int count = Integer.parseInt(options.get("--count"));
    long intervalMs = Long.parseLong(options.get("--interval-ms"));
    WorkflowStepCompleted step = null;
    if (options.containsKey("--event")) {
      var builder = WorkflowStepCompleted.newBuilder();
      JsonFormat.parser().merge(Files.readString(Path.of(options.get("--event"))), builder);
      step = builder.build();
    }

    var outcomes = new ArrayList<CompletableFuture<Accepted>>();
    var publisher = new EventPublisher(options.get("--address"));
    for (int number = 1; number <= count; number++) {
      Message event = step;
      if (event == null) {
        event =
            ProcessProgress.newBuilder()
                .setProjectId("42")
                .setProcessId("java")
                .setProgress(100.0 * number / count)
                .setMessage(number + " of " + count)
                .build();
      }
      outcomes.add(publisher.publish(event, Map.of("publisher", "java", "number", String.valueOf(number))));
      Thread.sleep(intervalMs);
    }
    publisher.close();

    int acked = 0;
    int duplicates = 0;
    int refused = 0;
    for (var outcome : outcomes) {
      try {
        duplicates += outcome.get().getDuplicate() ? 1 : 0;
        acked++;
      } catch (ExecutionException refusal) {
        System.err.println("refused: " + refusal.getCause().getMessage());
        refused++;
      }
    }
    System.out.printf(
        "acked %d, duplicates %d, refused %d, connections %d, sent again %d%n",
        acked, duplicates, refused, publisher.connections(), publisher.sentAgain());
    System.exit(refused == 0 ? 0 : 1);
  }
}
