using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

/// <summary>The byte rings under real threads: every record whole, once, in its producer's order.</summary>
[Trait("Category", "Stress")]
public unsafe class ByteRingStressTests
{
    private struct SequenceChecker(int[] next) : IRecordHandler
    {
        internal int Count;

        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            (int source, int sequence) = CheckedRecord.Read(body);
            if (type != source + 1)
                throw new InvalidOperationException("The type is not the one claimed.");
            if (sequence != next[source]++)
                throw new InvalidOperationException($"Source {source}: expected {next[source] - 1}, got {sequence}.");
            Count++;
            return true;
        }
    }

    [Theory]
    [InlineData(256, 1)]
    [InlineData(4096, 1)]
    [InlineData(65536, 16)]
    public void ShouldKeepOrderAndBytesFromOneProducer(int capacity, int batch)
    {
        using var ring = new SpscByteRing(capacity);
        int count = 700_000 * Stress.Scale;
        Stress.RunThreads(
            wait =>
            {
                for (int i = 0; i < count; i++)
                {
                    int length = CheckedRecord.LengthOf(i, Math.Min(ring.MaxLength, 200));
                    if (i % 7 == 0)
                    {
                        new Span<byte>(Claim(ring, length, wait), length).Fill(0xEE);
                        ring.Abort();
                    }
                    CheckedRecord.Write(new Span<byte>(Claim(ring, length, wait), length), 0, i);
                    if (i % batch == 0)
                        ring.Commit();
                    else
                        ring.Stage();
                }
                ring.Commit();
            },
            wait => Consume(count, wait, new int[1], (ref SequenceChecker checker) => ring.Poll(ref checker, 64)));
    }

    [Theory]
    [InlineData(2, 256)]
    [InlineData(3, 4096)]
    [InlineData(4, 65536)]
    public void ShouldKeepOrderAndBytesFromManyProducers(int producers, int capacity)
    {
        using var ring = new MpscByteRing(capacity);
        int count = 600_000 / producers * Stress.Scale;
        var threads = new Action<Action>[producers + 1];
        for (int p = 0; p < producers; p++)
        {
            int source = p;
            threads[p] = wait =>
            {
                for (int i = 0; i < count; i++)
                {
                    int length = CheckedRecord.LengthOf(i, Math.Min(ring.MaxLength, 200));
                    if (i % 5 == 0)
                    {
                        using RingClaim aborted = Claim(ring, source + 1, length, wait);
                        aborted.Body.Fill(0xEE);
                    }
                    RingClaim claim = Claim(ring, source + 1, length, wait);
                    CheckedRecord.Write(claim.Body, source, i);
                    if (!claim.Commit())
                        throw new InvalidOperationException("A commit was refused.");
                }
            };
        }
        threads[producers] = wait =>
            Consume(count * producers, wait, new int[producers], (ref SequenceChecker checker) => ring.Poll(ref checker, 64));
        Stress.RunThreads(threads);
    }

    private static byte* Claim(SpscByteRing ring, int length, Action wait)
    {
        byte* body;
        while ((body = ring.TryClaim(1, length)) == null)
        {
            ring.Commit();
            wait();
        }
        return body;
    }

    private static RingClaim Claim(MpscByteRing ring, int type, int length, Action wait)
    {
        RingClaim claim;
        while (!ring.TryClaim(type, length, out claim))
            wait();
        return claim;
    }

    private delegate int Poll(ref SequenceChecker checker);

    private static void Consume(int count, Action wait, int[] next, Poll poll)
    {
        var checker = new SequenceChecker(next);
        while (checker.Count < count)
        {
            if (poll(ref checker) == 0)
                wait();
        }
        if (poll(ref checker) != 0)
            throw new InvalidOperationException("More records than were committed.");
    }
}
