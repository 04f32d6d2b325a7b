using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

/// <summary>Claim, commit, abort, poll and unblock of the many-producer ring in every order with up to three preemptions.</summary>
public unsafe class MpscInterleavingTests
{
    private const int Capacity = 64;

    private enum Step
    {
        Commit,
        Abort,
        CommitBeforeBody,
    }

    /// <param name="Values">One list for each producer: what it writes, and how it closes the claim.</param>
    /// <param name="Polls">Polls of the consumer thread while the producers run.</param>
    /// <param name="Before">Records of one word that have passed through before: where in the ring it starts.</param>
    private sealed record Scenario((long Value, int Length, Step Step)[][] Values, int Polls, int Before);

    private static int Explore<TMemory>(Scenario scenario, int preemptions)
        where TMemory : struct, ISharedMemory
    {
        byte* buffer = RingMemory.Allocate(Capacity);
        try
        {
            return Interleaving.ExploreAll(scenario.Values.Length + 1, preemptions, () =>
            {
                DirectMemory.Clear(buffer, (int)RingMemory.BytesFor(Capacity));
                var ring = new MpscByteRingCore<TMemory>(buffer, Capacity);
                for (int i = 0; i < scenario.Before; i++)
                {
                    var passing = new RingHistory();
                    Write(ring, passing, 1, 8, Step.Commit);
                    Poll(ring, passing);
                }
                var history = new RingHistory();
                var bodies = new Action[scenario.Values.Length + 1];
                for (int p = 0; p < scenario.Values.Length; p++)
                {
                    (long Value, int Length, Step Step)[] values = scenario.Values[p];
                    bodies[p] = () =>
                    {
                        foreach ((long value, int length, Step step) in values)
                            Write(ring, history, value, length, step);
                    };
                }
                bodies[^1] = () =>
                {
                    for (int i = 0; i < scenario.Polls; i++)
                        Poll(ring, history);
                };
                return (bodies, () =>
                {
                    while (Poll(ring, history) != 0)
                    {
                    }
                    Poll(ring, history);
                    history.Check();
                });
            });
        }
        finally
        {
            RingMemory.Free(buffer);
        }
    }

    private static void Write<TMemory>(MpscByteRingCore<TMemory> ring, RingHistory history, long value, int length, Step step)
        where TMemory : struct, ISharedMemory
    {
        int began = history.Begin();
        bool committed = false;
        if (ring.TryClaim((int)value + 1, length, out RingClaim claim))
        {
            RingClaim early = claim;
            if (step == Step.CommitBeforeBody)
                committed = early.Commit();
            for (int word = 0; word < length / 8; word++)
                ExploredMemory.WriteRelease((long*)claim.Pointer + word, value);
            Interleaving.Yield(); // Before the one shared access of Commit and Abort.
            if (step == Step.Commit)
                committed = claim.Commit();
            else
                claim.Abort();
        }
        history.End(committed ? value : -1, began);
    }

    private static int Poll<TMemory>(MpscByteRingCore<TMemory> ring, RingHistory history)
        where TMemory : struct, ISharedMemory
    {
        bool mustFind = history.MustFind();
        var reader = new HistoryReader(history);
        int count = ring.Poll(ref reader, 10);
        if (count == 0 && mustFind)
            throw new InvalidOperationException("A poll missed a record that was ready.");
        return count;
    }

    // Two producers, from an empty ring; the second record of the first may be aborted.
    private static readonly Scenario Plain = new([[(1, 16, Step.Commit)], [(2, 8, Step.Commit)]], Polls: 2, Before: 0);

    // 48 bytes on: the long records need padding at the end of the buffer, and the start of the ring is used again.
    private static readonly Scenario Wrap = new([[(1, 16, Step.Commit)], [(2, 16, Step.Commit)]], Polls: 2, Before: 3);

    // Three records of 24 bytes do not fit at once: some claims find the ring full, some reuse what was just given back.
    private static readonly Scenario Full = new(
        [[(1, 16, Step.Commit), (2, 16, Step.Commit)], [(3, 16, Step.Commit)]], Polls: 2, Before: 2);

    private static readonly Scenario Abort = new(
        [[(1, 8, Step.Abort), (2, 8, Step.Commit)], [(3, 16, Step.Abort)]], Polls: 2, Before: 3);

    [Fact]
    public void ShouldBeAQueueInEveryOrder() => Assert.True(Explore<ExploredMemory>(Plain, 3) > 1000);

    [Fact]
    public void ShouldBeAQueueInEveryOrderAtTheEndOfTheBuffer() => Assert.True(Explore<ExploredMemory>(Wrap, 3) > 1000);

    [Fact]
    public void ShouldBeAQueueInEveryOrderWhenFull() => Assert.True(Explore<ExploredMemory>(Full, 3) > 1000);

    [Fact]
    public void ShouldSkipAbortedRecordsInEveryOrder() => Assert.True(Explore<ExploredMemory>(Abort, 3) > 1000);

    [Fact]
    public void ShouldFindATailThatMovesByReadAndWrite() =>
        Assert.Throws<InvalidOperationException>(() => Explore<TornExchangeMemory>(Plain, 2));

    [Fact]
    public void ShouldFindACommitBeforeTheBody() => Assert.Throws<InvalidOperationException>(() =>
        Explore<ExploredMemory>(new Scenario([[(1, 16, Step.CommitBeforeBody)]], Polls: 1, Before: 0), 2));

    [Fact]
    public void ShouldFindSpaceThatIsNotZeroed() => Assert.Throws<InvalidOperationException>(() => Explore<UnclearedMemory>(Full, 2));

    [Fact]
    public void ShouldFindSpaceThatIsZeroedTooLate() => Assert.Throws<InvalidOperationException>(() => Explore<LateClearMemory>(Full, 2));

    /// <summary>A claim whose holder writes nothing more, but may still commit, at any time: also when its space was used again.</summary>
    [Fact]
    public void ShouldSurviveAnAbandonedClaimInEveryOrder()
    {
        byte* buffer = RingMemory.Allocate(Capacity);
        int lateRefused = 0;
        int lateAccepted = 0;
        int runs = Interleaving.ExploreAll(3, 3, () =>
        {
            DirectMemory.Clear(buffer, (int)RingMemory.BytesFor(Capacity));
            var ring = new MpscByteRingCore<ExploredMemory>(buffer, Capacity);
            var history = new RingHistory();
            int began = history.Begin();
            Assert.True(ring.TryClaim(2, 8, out RingClaim abandoned));
            *(long*)abandoned.Pointer = 1;
            byte* place = abandoned.Pointer;
            long claimed = *((long*)place - 1);
            Action holder = () =>
            {
                var late = new RingClaim(place, 8, 2, claimed);
                Interleaving.Yield();
                bool committed = late.Commit();
                history.End(committed ? 1 : -1, began);
                _ = committed ? lateAccepted++ : lateRefused++;
            };
            Action producer = () =>
            {
                for (long value = 2; value <= 6; value++)
                    Write(ring, history, value, 8, Step.Commit);
            };
            Action consumer = () =>
            {
                Poll(ring, history);
                ring.Unblock();
                Poll(ring, history);
                Poll(ring, history);
            };
            return ([holder, producer, consumer], () =>
            {
                while (Poll(ring, history) != 0)
                {
                }
                Assert.False(ring.IsBlocked());
                Assert.True(ring.IsEmpty());
                history.Check();
            });
        });
        RingMemory.Free(buffer);
        Assert.True(runs > 1000 && lateRefused > 0 && lateAccepted > 0, $"{runs} runs, {lateRefused} refused, {lateAccepted} accepted");
    }
}
