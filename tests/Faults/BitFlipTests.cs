using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;
using Journal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Tests.Faults;

/// <summary>Every bit of a journal flipped: noticed each time, and never cut off silently where it was durable.</summary>
public sealed class BitFlipTests(ITestOutputHelper output)
{
    /// <summary>Recovery looks at every flip, the slower verification at every so many.</summary>
    private const int VerifyEvery = 7;

    [Fact]
    public void ShouldNoticeEveryFlippedBit()
    {
        int seed = FaultSettings.Seed;
        SimulatedHeap.Keep();
        JournalImage image = JournalImage.OfSyncedRecords(seed);
        long done = Run(image, seed);
        output.WriteLine($"{done} bits of a journal of {image.End} bytes with {image.Starts.Count} records flipped, one at a time; seed {seed}");
    }

    internal static long Run(JournalImage image, int seed, int stride = 0) =>
        FaultSettings.ForEach(nameof(BitFlipTests), seed, 8L * image.End, () => new Worker(image), (worker, point) => worker.Run(point), everyNth: stride);

    private sealed unsafe class Worker : IDisposable
    {
        private readonly JournalImage _image;
        private readonly RewindableStorage _storage = new();
        private readonly RewindableFile _file;
        private VerifyResult? _verified;

        internal Worker(JournalImage image)
        {
            _image = image;
            _file = image.CopyTo(_storage);
        }

        internal void Run(long point)
        {
            int at = (int)(point / 8);
            _file.IsTouched = true;
            _file.Bytes[at] ^= (byte)(1 << (int)(point % 8));
            string where = $"bit {point % 8} of byte {at}";
            if (point % VerifyEvery == 0)
                _verified = JournalVerifier.Verify(_storage);
            Assert.True(_verified?.Verdict != VerifyVerdict.Intact, $"{where}: verify noticed nothing");
            if (at < SegmentLayout.HeaderLength)
                ExpectDamage(where, null);
            else
                CheckRecord(where, _image.RecordAt(at));
            _verified = null;
            _storage.Rewind();
        }

        public void Dispose() => _storage.Free();

        private void CheckRecord(string where, int record)
        {
            long position = _image.Base + _image.Starts[record].Offset;
            long durable = _image.Starts.Skip(record + 1).Max(start => (long?)start.Durable) ?? 0;
            bool isDamage = durable > position;
            if (_verified != null)
            {
                Assert.True(_verified.Verdict == (isDamage ? VerifyVerdict.Damaged : VerifyVerdict.TornTail), $"{where}: verify says {_verified.Verdict}; durable up to {durable}, wrong from {position}");
                Assert.True(_verified.End == position, $"{where}: verify names {_verified.End} instead of {position}");
            }
            if (isDamage)
                ExpectDamage(where, position);
            else
                ExpectPrefix(where, _image.CountUpTo(_image.Starts[record].Offset));
        }

        private void ExpectDamage(string where, long? position)
        {
            var visitor = new PrefixVisitor(_image.Appended);
            try
            {
                using Journal journal = Journal.Open(_storage, JournalHarness.Options, ref visitor, out _);
            }
            catch (JournalException error)
            {
                Assert.True(error.Error == JournalError.Damaged && (position == null || error.Position == position), $"{where}: {error.Error} at {error.Position}, not damage at {position}");
                return;
            }
            Assert.Fail($"{where}: damage to what was durable was cut off silently at {position}");
        }

        private void ExpectPrefix(string where, int count)
        {
            var visitor = new PrefixVisitor(_image.Appended);
            using Journal journal = Journal.Open(_storage, JournalHarness.Options, ref visitor, out RecoveryReport report);
            Assert.True(visitor.Wrong == null, $"{where}: {visitor.Wrong}");
            Assert.True(visitor.Count == count, $"{where}: {visitor.Count} records served instead of {count}");
            Assert.True(report.TornTailBytes > 0, $"{where}: cut off, and not said so");
        }
    }
}
