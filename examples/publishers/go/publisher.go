package main

import (
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	rialto "example.com/publisher/gen/rialto/v1"
)

const (
	// Events that may be without an ack; then Publish waits.
	window         = 256
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = 5 * time.Second
)

// Publisher publishes events in order and at least once, however often the bridge goes away meanwhile: one stream,
// opened again whenever it breaks.
type Publisher struct {
	conn    *grpc.ClientConn
	queue   chan *pending
	done    chan struct{}
	unacked []*pending // in order

	// What it took. Read them after Close.
	Connections, SentAgain int
}

// Outcome tells where an event is, or why it was refused.
type Outcome struct {
	Accepted *rialto.Accepted
	Err      error
}

type pending struct {
	event   *rialto.Event
	outcome chan Outcome
}

// NewPublisher connects in the background.
func NewPublisher(address string) (*Publisher, error) {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstBackoff, Multiplier: 2, Jitter: 0.2, MaxDelay: longestBackoff},
			MinConnectTimeout: 5 * time.Second,
		}))
	if err != nil {
		return nil, err
	}
	p := &Publisher{conn: conn, queue: make(chan *pending), done: make(chan struct{})}
	go p.run()
	return p, nil
}

// Publish publishes one event; its outcome comes on the channel. Waits while the window is full.
func (p *Publisher) Publish(message proto.Message, metadata map[string]string) (<-chan Outcome, error) {
	payload, err := anypb.New(message)
	if err != nil {
		return nil, err
	}
	// The key makes what is sent again the same event.
	event := &rialto.Event{
		Body:           &rialto.Event_Payload{Payload: payload},
		IdempotencyKey: uuid.NewString(),
		Metadata:       metadata,
	}
	next := &pending{event, make(chan Outcome, 1)}
	select {
	case p.queue <- next:
		return next.outcome, nil
	case <-p.done:
		return nil, errors.New("the publisher has ended")
	}
}

// Close waits until every event has its ack.
func (p *Publisher) Close() error {
	close(p.queue)
	<-p.done
	return p.conn.Close()
}

func (p *Publisher) run() {
	defer close(p.done)
	wait := firstBackoff
	for {
		before := p.Connections
		err := p.stream()
		if err == nil {
			return
		}
		if !isTemporary(status.Code(err)) {
			for _, left := range p.unacked {
				left.outcome <- Outcome{Err: err}
			}
			return
		}
		log.Printf("%v: trying again", err)
		if p.Connections > before {
			wait = firstBackoff
		} else {
			wait = min(longestBackoff, 2*wait)
		}
		time.Sleep(time.Duration(float64(wait) * (0.5 + rand.Float64()/2)))
	}
}

// stream sends what has no ack yet, in order, then what comes. It ends well when nothing more comes and every event has
// its ack.
func (p *Publisher) stream() error {
	ctx, cancel := context.WithCancel(context.Background())
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel()
	// Waits for the bridge where it is not there; the connection is made again by itself.
	stream, err := rialto.NewPublisherServiceClient(p.conn).PublishStream(ctx, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	if _, err := stream.Header(); err != nil {
		return err
	}
	p.Connections++
	p.SentAgain += len(p.unacked)

	// Sending may block, so that it must not keep the acks from being read.
	requests := make(chan *rialto.Event, window)
	sender.Go(func() {
		for event := range requests {
			if stream.Send(&rialto.PublishStreamRequest{Events: []*rialto.Event{event}}) != nil {
				return // the acks' end says why
			}
		}
	})
	defer close(requests)
	for _, again := range p.unacked {
		requests <- again.event
	}
	acks, ended := receive(ctx, stream)
	queue := p.queue
	for queue != nil || len(p.unacked) > 0 {
		open := queue
		if len(p.unacked) == window {
			open = nil
		}
		select {
		case next, more := <-open:
			if !more {
				queue = nil
				continue
			}
			p.unacked = append(p.unacked, next)
			requests <- next.event
		case ack := <-acks:
			if err := p.onAck(ack); err != nil {
				return err
			}
		case err := <-ended:
			return err
		}
	}
	return nil
}

func (p *Publisher) onAck(ack *rialto.Ack) error {
	outcome := Outcome{Accepted: ack.GetAccepted()}
	if refusal := ack.GetError(); refusal != nil {
		outcome.Err = status.FromProto(refusal).Err()
		if isTemporary(codes.Code(refusal.GetCode())) {
			// It and all behind it are sent again. Those of them that the bridge has taken meanwhile stay where they
			// are, before it: only a window of one event keeps the order around a refusal.
			return outcome.Err
		}
	}
	p.unacked[0].outcome <- outcome
	p.unacked = p.unacked[1:]
	return nil
}

// receive reads acks until the stream ends.
func receive(ctx context.Context, stream rialto.PublisherService_PublishStreamClient) (<-chan *rialto.Ack, <-chan error) {
	acks, ended := make(chan *rialto.Ack), make(chan error, 1)
	go func() {
		for {
			response, err := stream.Recv()
			if err == io.EOF {
				err = status.Error(codes.Unavailable, "the bridge ended the stream")
			}
			if err != nil {
				ended <- err
				return
			}
			for _, ack := range response.Acks {
				select {
				case acks <- ack:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return acks, ended
}

// isTemporary tells whether it may succeed later.
func isTemporary(code codes.Code) bool {
	switch code {
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Canceled, codes.Internal, codes.Unknown:
		return true
	}
	return false
}
