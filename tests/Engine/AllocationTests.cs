using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>A steady flow buys no memory: publish, deliver, ack, confirm.</summary>
public sealed class AllocationTests
{
    [Theory]
    [InlineData(DurabilityLevel.Memory, 1)]
    [InlineData(DurabilityLevel.Memory, 3)]
    [InlineData(DurabilityLevel.Process, 1)]
    [InlineData(DurabilityLevel.Process, 3)]
    [InlineData(DurabilityLevel.Disk, 1)]
    [InlineData(DurabilityLevel.Disk, 3)]
    public void ShouldAllocateNothingInASteadyFlow(DurabilityLevel level, int queues)
    {
        using var disk = new SimulatedDisk();
        using var engine = new EngineHarness(disk, new BrokerLimits { MaxTransientBytes = 16 * 1024 * 1024, MaxBodyLength = 4096 });
        int session = engine.OpenSession();
        engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = session, Request = 1, Kind = 1, Flags = 1 }, [.. EngineHarness.Text("x"), 0, 0]);
        for (int i = 0; i < queues; i++)
        {
            engine.DeclareQueue(session, $"q{i}");
            engine.Send(CommandType.Bind, new RequestCommand { Session = session, Request = 2 }, [.. EngineHarness.Text("x"), .. EngineHarness.Text($"q{i}"), .. EngineHarness.Text("k"), 0, 0]);
            engine.Run();
            engine.Subscribe(session, $"q{i}", credit: 1000);
        }
        engine.OpenPublication(session, "k", level, "p", "x", window: 4096);
        engine.Run();

        var flow = new Flow(engine, session, queues);
        flow.Run(3000); // Grows what has to grow.
        int sent = 3000;
        // A new segment begins with a snapshot, which allocates: measured is what comes after it.
        for (long segment = Segment(engine); Segment(engine) == segment && level != DurabilityLevel.Memory; sent += 10)
            flow.Run(10);
        flow.Allocated = 0;
        flow.Run(1000);
        Assert.Equal(0, flow.Allocated);
        Assert.Equal((sent + 1000) * queues, flow.Delivered);
        Assert.Equal((ulong)sent + 1000, flow.Confirmed);
    }

    private static long Segment(EngineHarness engine) => engine.Core.Journal!.Log.Active!.Index;

    private sealed unsafe class Flow(EngineHarness harness, int session, int queues)
    {
        private ulong _sequence;

        internal int Delivered { get; private set; }

        internal ulong Confirmed { get; private set; }

        /// <summary>Bytes, on the engine's thread.</summary>
        internal long Allocated { get; set; }

        internal void Run(int messages)
        {
            for (int i = 0; i < messages; i += 10)
            {
                for (int j = 0; j < 10; j++)
                    Publish();
                ulong deadline = 0;
                while (Delivered < (int)_sequence * queues || Confirmed < _sequence)
                {
                    Step();
                    if (++deadline == 1_000_000)
                        throw new InvalidOperationException($"{Delivered} delivered, {Confirmed} confirmed, {_sequence} sent.");
                }
                for (uint queue = 1; queue <= queues; queue++)
                    Settle(queue);
            }
            Step();
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

        private void Publish()
        {
            const int body = 100;
            harness.Core.Ingress.TryClaim((int)CommandType.Publish, sizeof(PublishCommand) + body, out RingClaim claim);
            *(PublishCommand*)claim.Pointer = new PublishCommand { Session = session, Publication = 1, Sequence = ++_sequence, BodyLength = body };
            claim.Commit();
        }

        private void Settle(uint subscription)
        {
            harness.Core.Ingress.TryClaim((int)CommandType.Settle, sizeof(SettleCommand), out RingClaim claim);
            *(SettleCommand*)claim.Pointer = new SettleCommand
            {
                Session = session,
                Subscription = subscription,
                LastTag = _sequence,
                Kind = (byte)SettleKind.Ack,
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
                    flow.Delivered++;
                else if (type == (int)EventType.Confirm)
                    flow.Confirmed = Unsafe.ReadUnaligned<ConfirmEvent>(in body[0]).Sequence;
                else
                    throw new InvalidOperationException($"An event of type {type}.");
                return true;
            }
        }
    }
}
