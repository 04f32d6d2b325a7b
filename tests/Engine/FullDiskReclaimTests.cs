using System.Globalization;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>A disk that is full of messages which are done with, but for a few in each segment: reclaim alone gets the space back. Segments of 1 MiB.</summary>
public sealed class FullDiskReclaimTests
{
    private const int SegmentSize = 1024 * 1024;
    private const int Segments = 12;
    private const int KeepOneOf = 8;
    private static readonly string Filler = new('f', 60_000);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldGetItsSpaceBack(bool compresses)
    {
        using var full = new FullBroker(compresses);
        full.ConsumeMost();
        Assert.Equal(JournalState.Open, full.Log.State);
        Assert.True(full.Log.ReserveMoves > 0);
        for (int i = 0; i < 3 * SegmentSize / Filler.Length; i++)
            Assert.Equal(ErrorCode.None, full.Broker.Rejected("flow", Filler));
        full.AssertKept();
    }

    // The moment after which it is cut off is another each time, until it is over before.
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void ShouldLoseNothingWhereItIsCutOff(bool isPowerCut, bool compresses)
    {
        bool wasMoving = false;
        for (int steps = 1; ; steps += steps < 12 ? 1 : 5)
        {
            using var full = new FullBroker(compresses);
            full.ConsumeMost(steps);
            bool isOver = full.Log.State == JournalState.Open;
            wasMoving |= !isOver && full.Log.ReserveMoves > 0;
            full.AssertAcksHaveRoom();
            if (isPowerCut)
                full.Broker.PowerCut(steps);
            else
                full.Broker.Restart(sameHash: false);
            full.ConsumeMost(); // After a power cut it may come again.
            Assert.Equal(JournalState.Open, full.Log.State);
            Assert.Equal(ErrorCode.None, full.Broker.Rejected("flow", Filler));
            full.AssertKept();
            if (isOver)
                break;
        }
        Assert.True(wasMoving);
    }

    [Fact]
    public void ShouldLeaveTheReserveAloneWhereMuchIsLive()
    {
        using var full = new FullBroker(compresses: false, keepOneOf: 3);
        full.ConsumeMost();
        Assert.Equal(0, full.Log.ReserveMoves);
        full.AssertAcksHaveRoom();
        // What is done with by and by makes the segments small enough.
        string[] kept = full.Broker.Take("keep", 1000);
        full.Broker.Settle("keep", (ulong)kept.Length - 30);
        Assert.Equal(JournalState.Open, full.Log.State);
    }

    /// <summary>More of them with LOWLATENCY_RECLAIM_SEEDS.</summary>
    public static TheoryData<int> Seeds =>
        [.. Enumerable.Range(1, int.Parse(Environment.GetEnvironmentVariable("LOWLATENCY_RECLAIM_SEEDS") ?? "6", CultureInfo.InvariantCulture))];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void ShouldKeepEveryMessageOnADiskThatIsFullAgainAndAgain(int seed)
    {
        var random = new Random(seed);
        using var broker = new QueueHarness(journalMemory: 0) { Level = DurabilityLevel.Disk };
        broker.Declare("flow");
        broker.Declare("keep");
        broker.Disk.Capacity = 10 * SegmentSize;
        RecordLog Log() => broker.Engine.Core.Journal!.Log;
        var kept = new SortedDictionary<int, int>(); // Number and length.
        var settled = new HashSet<int>();
        long reserveMoves = 0;
        int number = 0;
        int cuts = 0;
        for (int round = 0; round < 25; round++)
        {
            ErrorCode code = ErrorCode.None;
            for (int i = 0; i < 300 && code == ErrorCode.None; i++)
            {
                number++;
                int length = random.Next(100, random.Next(20) == 0 ? 60_000 : 3_000);
                if (random.Next(4) != 0)
                    code = broker.Rejected("flow", Filler[..random.Next(20_000, 60_000)]);
                else if ((code = broker.Rejected("keep", $"{number} {Filler[..length]}")) == ErrorCode.None)
                    kept.Add(number, length);
                Assert.True(code is ErrorCode.None or ErrorCode.DiskFull, $"{code}");
            }
            if (random.Next(3) == 0)
                Settle(random.Next(kept.Count));
            string[] bodies = broker.Take("flow");
            ulong last = bodies.Length == 0 ? 0 : broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Tag;
            uint subscription = bodies.Length == 0 ? 0 : broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Subscription;
            bool isCut = random.Next(2) == 0;
            if (bodies.Length > 0)
                broker.Engine.Settle(broker.Session, subscription, 0, last);
            for (int steps = isCut ? random.Next(60) : 0; steps > 0; steps--)
                broker.Engine.Step();
            if (!isCut)
                broker.Engine.Run();
            reserveMoves += Log().ReserveMoves;
            if (isCut && random.Next(2) == 0)
                broker.PowerCut(++cuts);
            else
                broker.Restart(sameHash: false);
        }
        broker.Disk.Capacity = long.MaxValue;
        foreach (string body in broker.Take("keep", 10_000))
        {
            int at = int.Parse(body.Split(' ')[0], CultureInfo.InvariantCulture);
            Assert.True(kept.Remove(at, out int length) ? body.Length == length + $"{at} ".Length : settled.Remove(at), $"number {at} came, of {body.Length} bytes");
        }
        Assert.Empty(kept);
        Assert.True(reserveMoves > 0);

        void Settle(int count)
        {
            string[] bodies = broker.Take("keep", (uint)count);
            if (bodies.Length > 0)
                broker.Settle("keep", broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Tag);
            foreach (string body in bodies)
            {
                int at = int.Parse(body.Split(' ')[0], CultureInfo.InvariantCulture);
                kept.Remove(at);
                settled.Add(at);
            }
            broker.Leave("keep");
        }
    }

    private sealed class FullBroker : IDisposable
    {
        private readonly List<string> _kept = [];

        internal FullBroker(bool compresses, int keepOneOf = KeepOneOf)
        {
            Broker = new QueueHarness(journalMemory: 0, compresses: compresses) { Level = DurabilityLevel.Disk };
            Broker.Declare("flow");
            Broker.Declare("keep");
            for (int i = 0; Log.Active!.Index < Segments; i++)
                Publish(i, keepOneOf);
            for (int i = 0; i < 3000 && compresses; i++)
                Broker.Engine.Step();
            Broker.Disk.Capacity = Broker.Disk.Used + SegmentSize / 2;
            for (int i = 0; Publish(i, keepOneOf) == ErrorCode.None; i++)
            {
            }
            foreach (int length in (int[])[5_000, 300, 1]) // To the end of what messages may use.
            {
                while (Broker.Rejected("flow", Filler[..length]) == ErrorCode.None)
                {
                }
            }
            Assert.Equal(JournalState.NoSpace, Log.State);
            Assert.Equal(compresses, Log.CompressedCount > 0);
        }

        internal QueueHarness Broker { get; }

        internal RecordLog Log => Broker.Engine.Core.Journal!.Log;

        /// <summary>All but the kept ones is consumed, by somebody who goes then.</summary>
        /// <param name="steps">Of the engine, at most; 0: until it has nothing to do.</param>
        internal void ConsumeMost(int steps = 0)
        {
            string[] bodies = Broker.Take("flow");
            if (bodies.Length == 0)
                return;
            ulong last = Broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Tag;
            if (steps == 0)
            {
                Broker.Settle("flow", last);
                return;
            }
            Broker.Engine.Settle(Broker.Session, Broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Subscription, 0, last);
            while (steps-- > 0)
                Broker.Engine.Step();
        }

        internal void AssertKept() => Assert.Equal(_kept, Broker.Take("keep"));

        internal void AssertAcksHaveRoom()
        {
            if (Log.Next == null)
                Assert.InRange(Log.Tail - Log.Active!.Base, 0, SegmentSize - SegmentSize / 16 - RecordLog.MarkersLength + 4096); // Some of them came since.
        }

        private ErrorCode Publish(int number, int keepOneOf)
        {
            bool isKept = number % keepOneOf == 0;
            string body = $"{number} {Filler}";
            if (isKept)
                body = keepOneOf == KeepOneOf ? body[..1000] : body;
            ErrorCode code = Broker.Rejected(isKept ? "keep" : "flow", body);
            if (code == ErrorCode.None && isKept)
                _kept.Add(body);
            return code;
        }

        public void Dispose() => Broker.Dispose();
    }
}
