// Publishes events to Rialto and says what became of them.
//
//	go run . -count 1000
//	go run . -event ../step.json     # a workflow.step_completed as ProtoJSON
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	project "example.com/publisher/gen/project/v1"
	workflow "example.com/publisher/gen/workflow/v1"
)

func main() {
	address := flag.String("address", "127.0.0.1:50051", "the bridge")
	count := flag.Int("count", 100, "how many events")
	intervalMs := flag.Int("interval-ms", 0, "a pause after each event")
	file := flag.String("event", "", "publish the workflow.step_completed in this `FILE` instead")
	flag.Parse()
	log.SetFlags(0)

	var step *workflow.WorkflowStepCompleted
	if *file != "" {
		text, err := os.ReadFile(*file)
		if err != nil {
			log.Fatal(err)
		}
		step = &workflow.WorkflowStepCompleted{}
		if err := protojson.Unmarshal(text, step); err != nil {
			log.Fatal(err)
		}
	}

	publisher, err := NewPublisher(*address)
	if err != nil {
		log.Fatal(err)
	}
	outcomes := make([]<-chan Outcome, *count)
	for i := range outcomes {
		number := i + 1
		var event proto.Message = step
		if step == nil {
			event = &project.ProcessProgress{
				ProjectId: "42",
				ProcessId: "go",
				Progress:  100 * float64(number) / float64(*count),
				Message:   fmt.Sprintf("%d of %d", number, *count),
			}
		}
		metadata := map[string]string{"publisher": "go", "number": strconv.Itoa(number)}
		if outcomes[i], err = publisher.Publish(event, metadata); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Duration(*intervalMs) * time.Millisecond)
	}
	if err := publisher.Close(); err != nil {
		log.Fatal(err)
	}

	acked, duplicates, refused := 0, 0, 0
	for _, outcome := range outcomes {
		switch outcome := <-outcome; {
		case outcome.Err != nil:
			log.Printf("refused: %v", outcome.Err)
			refused++
		case outcome.Accepted.Duplicate:
			duplicates++
			fallthrough
		default:
			acked++
		}
	}
	fmt.Printf("acked %d, duplicates %d, refused %d, connections %d, sent again %d\n",
		acked, duplicates, refused, publisher.Connections, publisher.SentAgain)
	if refused > 0 {
		os.Exit(1)
	}
}
