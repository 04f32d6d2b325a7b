using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Rings;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>A steady flow through queues of every kind buys no memory.</summary>
public sealed class QueueAllocationTests
{
    [Theory]
    [InlineData("x-max-priority", DurabilityLevel.Memory)]
    [InlineData("x-max-priority", DurabilityLevel.Process)]
    [InlineData("x-message-ttl", DurabilityLevel.Memory)]
    [InlineData("x-message-ttl", DurabilityLevel.Process)]
    [InlineData("expires", DurabilityLevel.Process)]
    [InlineData("x-last-value-key", DurabilityLevel.Process)]
    [InlineData("drop-head", DurabilityLevel.Process)]
    [InlineData("reject", DurabilityLevel.Memory)]
    [InlineData("reject", DurabilityLevel.Process)]
    [InlineData("requeue", DurabilityLevel.Process)]
    [InlineData("delay", DurabilityLevel.Memory)]
    [InlineData("delay", DurabilityLevel.Process)]
    public void ShouldAllocateNothingInASteadyFlow(string kind, DurabilityLevel level)
    {
        using var disk = new SimulatedDisk();
        using var harness = new EngineHarness(disk);
        int session = harness.OpenSession();
        harness.DeclareQueue(session, "dead", QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 50).Add("x-overflow", "drop-head"));
        harness.DeclareQueue(session, "q", QueueFlags.Durable, Arguments(kind));
        harness.OpenPublication(session, "q", level, "p", window: 60_000);
        harness.Run();
        if (kind is not ("expires" or "drop-head" or "x-last-value-key"))
            harness.Subscribe(session, "q", credit: 1000);
        harness.Run();
        harness.Events.Clear();

        var flow = new Flow(harness, session, Headers(kind), kind);
        flow.Run(rounds: 900); // Past the first roll of a segment.
        // What the runtime itself buys once, at a time of its own, is not in the next stretch; what a message costs is in each.
        for (int stretch = 0; stretch < 3; stretch++)
        {
            flow.Allocated = 0;
            flow.Run(rounds: 500);
            if (flow.Allocated == 0)
                break;
        }
        Assert.Equal(0, flow.Allocated);
        if (kind is "reject" or "drop-head")
            Assert.True(harness.Core.Engine.DeadLetteredCount > 3000);
        if (kind == "expires")
            Assert.True(harness.Core.Engine.ExpiredCount > 3000);
    }

    private static FieldTableWriter Arguments(string kind)
    {
        FieldTableWriter arguments = new FieldTableWriter().Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead");
        return kind switch
        {
            "x-max-priority" => arguments.Add(kind, 9),
            "x-message-ttl" => arguments.Add(kind, 3_600_000),
            "expires" => arguments.Add("x-message-ttl", 5),
            "x-last-value-key" => arguments.Add(kind, "symbol"),
            "drop-head" => arguments.Add("x-max-length", 20).Add("x-overflow", kind),
            _ => arguments,
        };
    }

    private static byte[][] Headers(string kind)
    {
        var headers = new byte[10][];
        for (int i = 0; i < headers.Length; i++)
        {
            ContentHeaderBuilder builder = new ContentHeaderBuilder().Priority((byte)i).MessageId("an id");
            builder.Headers.Add("symbol", $"S{i}");
            if (kind == "delay")
                builder.Headers.Add("x-delay", 5 + i);
            headers[i] = builder.Build().ToArray();
        }
        return headers;
    }

    private sealed unsafe class Flow(EngineHarness harness, int session, byte[][] headers, string kind)
    {
        private ulong _sequence;

        internal long Allocated { get; set; }

        private ulong LastTag { get; set; }

        internal void Run(int rounds)
        {
            for (int i = 0; i < rounds; i++)
            {
                foreach (byte[] header in headers)
                    Publish(header);
                harness.Core.ClockOffsetNs += 10_000_000;
                for (int step = 0; step < 4; step++)
                    Step();
                if (LastTag > 0)
                    Settle(kind switch { "reject" => SettleKind.Reject, "requeue" when i % 3 != 0 => SettleKind.Requeue, _ => SettleKind.Ack });
                Step();
            }
        }

        private void Step()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            harness.Core.EngineAgent.DoWork();
            Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            harness.Core.Journal!.Flusher.DoWork();
            harness.Core.Journal.Preparer.DoWork();
            harness.Core.Transient.Preparer.DoWork();
            var handler = new Handler(this);
            harness.Port.Ring.Poll(ref handler, int.MaxValue);
        }

        private void Publish(ReadOnlySpan<byte> header)
        {
            const int body = 100;
            harness.Core.Ingress.TryClaim((int)CommandType.Publish, sizeof(PublishCommand) + header.Length + body, out RingClaim claim);
            *(PublishCommand*)claim.Pointer = new PublishCommand
            {
                Session = session,
                Publication = 1,
                Sequence = ++_sequence,
                BodyLength = body,
                HeadersLength = (ushort)header.Length,
                ReceivedNs = harness.NowNs,
            };
            header.CopyTo(claim.Body[sizeof(PublishCommand)..]);
            claim.Commit();
        }

        private void Settle(SettleKind settle)
        {
            harness.Core.Ingress.TryClaim((int)CommandType.Settle, sizeof(SettleCommand), out RingClaim claim);
            *(SettleCommand*)claim.Pointer = new SettleCommand
            {
                Session = session,
                Subscription = 1,
                LastTag = LastTag,
                Kind = (byte)settle,
                CreditMessages = 10,
                CreditBytes = ulong.MaxValue,
            };
            claim.Commit();
        }

        private readonly struct Handler(Flow flow) : IRecordHandler
        {
            public bool OnRecord(int type, ReadOnlySpan<byte> body)
            {
                if (type == (int)EventType.Deliver)
                    flow.LastTag = Unsafe.ReadUnaligned<DeliverEvent>(in body[0]).Tag;
                else if (type != (int)EventType.Confirm)
                    throw new InvalidOperationException($"An event of type {type}.");
                return true;
            }
        }
    }
}
