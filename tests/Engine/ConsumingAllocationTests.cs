using System.Runtime.CompilerServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Every way to hand a message over buys no memory in a steady flow.</summary>
public sealed unsafe class ConsumingAllocationTests
{
    [Theory]
    [InlineData("priorities")]
    [InlineData("no-ack")]
    [InlineData("get")]
    [InlineData("browse")]
    [InlineData("conflate")]
    [InlineData("reply-to")]
    [InlineData("transactions")]
    public void ShouldAllocateNothingInASteadyFlow(string way)
    {
        using var disk = new SimulatedDisk();
        using var engine = new EngineHarness(disk, new BrokerLimits { MaxTransientBytes = 16 * 1024 * 1024, MaxBodyLength = 4096 });
        using var flow = new Flow(engine, way);
        flow.Run(1000); // Grows what has to grow.
        long segment = engine.Core.Journal!.Log.Active!.Index;
        // A new segment begins with a snapshot, which allocates: measured is what comes after it.
        for (int i = 0; i < 2000 && engine.Core.Journal.Log.Active.Index == segment && way != "reply-to"; i++)
            flow.Run(5);
        flow.Allocated = 0;
        long delivered = flow.Delivered;
        flow.Run(200);
        Assert.Equal(0, flow.Allocated);
        Assert.True(flow.Delivered - delivered >= 200 * 3, $"{flow.Delivered - delivered} messages were delivered.");
    }

    private sealed class Flow : IDisposable
    {
        private const int PerRound = 10;
        private const int BodyLength = 100;

        private static readonly byte[][] Keys = [.. Enumerable.Range(0, 5).Select(i => Encoding.ASCII.GetBytes($"k{i}"))];

        private readonly EngineHarness _engine;
        private readonly string _way;
        private readonly int _session;
        private readonly ulong[] _lastTags = new ulong[5];
        private readonly uint[] _counts = new uint[5];
        private readonly byte[] _address = [];
        private ulong _sequence;
        private bool _isFailed;

        internal Flow(EngineHarness engine, string way)
        {
            _engine = engine;
            _way = way;
            _session = engine.OpenSession();
            engine.DeclareQueue(_session, "q");
            engine.Run();
            engine.Send(CommandType.Bind, new RequestCommand { Session = _session, Request = 900 }, [.. EngineHarness.Text("amq.fanout"), .. EngineHarness.Text("q"), 0, 0, 0]);
            engine.OpenPublication(_session, "", DurabilityLevel.Process, exchange: way == "reply-to" ? "" : "amq.fanout", window: 4096);
            uint noAck = (uint)SubscribeFlags.NoAck;
            SubscribeCommand[] subscriptions = way switch
            {
                "priorities" => [Ask(4, 1), Ask(4, 1), Ask(100, -1)],
                "no-ack" => [Ask(100, 0, noAck)],
                "get" => [Ask(0)],
                "browse" => [Ask(100, 0, noAck), Ask(100, 0, (uint)SubscribeFlags.Browse)],
                "conflate" => [Ask(100, 0, noAck), Ask(3, 0, (uint)SubscribeFlags.Conflate)],
                "transactions" => [Ask(100)],
                _ => [],
            };
            foreach (SubscribeCommand subscription in subscriptions)
                engine.Subscribe(_session, "q", subscription);
            if (way == "reply-to")
                engine.Subscribe(_session, "amq.rabbitmq.reply-to", Ask(100, 0, noAck));
            engine.Run();
            if (way == "reply-to")
                _address = engine.Events.Single(e => e.Type == EventType.Subscribed).Bytes[17..];
        }

        internal long Allocated { get; set; }

        internal long Delivered { get; private set; }

        public void Dispose() => Assert.False(_isFailed, "An event that was not expected.");

        internal void Run(int rounds)
        {
            for (int i = 0; i < rounds; i++)
            {
                if (_way == "get")
                    Claim(CommandType.Get, new GetCommand { Session = _session, Request = 5, Subscription = 1, MaxMessages = PerRound, MaxBytes = ulong.MaxValue, WaitMs = 60_000 });
                Step();
                for (int j = 0; j < PerRound; j++)
                    Publish(_address.Length > 0 ? _address : Keys[j % Keys.Length]);
                if (_way == "transactions")
                    Claim(CommandType.CommitTransaction, new RequestCommand { Session = _session, Request = 6 });
                for (int j = 0; j < 4; j++)
                    Step();
                Settle();
                Step();
            }
        }

        private static SubscribeCommand Ask(uint credit, int priority = 0, uint flags = 0) =>
            new() { CreditMessages = credit, CreditBytes = ulong.MaxValue, Priority = priority, Flags = flags };

        private void Settle()
        {
            for (uint i = 1; i < _counts.Length; i++)
            {
                if (_counts[i] == 0)
                    continue;
                bool takes = _way is "priorities" or "get" or "transactions";
                uint credit = _way == "get" ? 0 : _counts[i];
                if (takes)
                {
                    Claim(CommandType.Settle, new SettleCommand
                    {
                        Session = _session,
                        Subscription = i,
                        LastTag = _lastTags[i],
                        Kind = (byte)SettleKind.Ack,
                        CreditMessages = credit,
                        CreditBytes = 1,
                        Flags = _way == "transactions" ? (byte)SettleFlags.InTransaction : (byte)0,
                    });
                }
                else
                {
                    Claim(CommandType.Credit, new CreditCommand { Session = _session, Subscription = i, Messages = credit, Bytes = 1 });
                }
                _counts[i] = 0;
            }
        }

        private void Publish(byte[] key)
        {
            bool isInTransaction = _way == "transactions";
            _engine.Core.Ingress.TryClaim((int)CommandType.Publish, sizeof(PublishCommand) + key.Length + BodyLength, out RingClaim claim);
            *(PublishCommand*)claim.Pointer = new PublishCommand
            {
                Session = _session,
                Publication = 1,
                Sequence = isInTransaction ? 0 : ++_sequence,
                BodyLength = BodyLength,
                RoutingKeyLength = (byte)key.Length,
                Flags = isInTransaction ? (byte)PublishFlags.InTransaction : (byte)0,
            };
            key.CopyTo(claim.Body[sizeof(PublishCommand)..]);
            claim.Commit();
        }

        private void Claim<T>(CommandType type, T command)
            where T : unmanaged
        {
            _engine.Core.Ingress.TryClaim((int)type, sizeof(T), out RingClaim claim);
            *(T*)claim.Pointer = command;
            claim.Commit();
        }

        private void Step()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            _engine.Core.EngineAgent.DoWork();
            Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            _engine.Core.Journal!.Flusher.DoWork();
            _engine.Core.Journal.Preparer.DoWork();
            _engine.Core.Transient.Preparer.DoWork();
            var handler = new Handler(this);
            _engine.Port.Ring.Poll(ref handler, int.MaxValue);
        }

        private readonly struct Handler(Flow flow) : IRecordHandler
        {
            public bool OnRecord(int type, ReadOnlySpan<byte> body)
            {
                if (type is (int)EventType.Deliver or (int)EventType.DeliverConflated)
                {
                    DeliverEvent deliver = Unsafe.ReadUnaligned<DeliverEvent>(in body[0]);
                    flow._lastTags[deliver.Subscription] = deliver.Tag;
                    flow._counts[deliver.Subscription]++;
                    flow.Delivered++;
                }
                else if (type is not ((int)EventType.Confirm or (int)EventType.Done))
                {
                    flow._isFailed = true;
                }
                return true;
            }
        }
    }
}
