using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;
using Journal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Tests.Faults;

/// <summary>The last 64 KiB of a journal torn at every byte, with four sorts of bytes behind the cut.</summary>
public sealed class TornTailTests(ITestOutputHelper output)
{
    private const int TailLength = 64 * 1024;
    private const int Fills = 4;

    [Fact]
    public void ShouldRecoverTheExactPrefixFromATailTornAtAnyByte()
    {
        int seed = FaultSettings.Seed;
        (long done, int records) = Run(seed);
        output.WriteLine($"{done} recoveries of a tail of {records} records, torn at a byte each; seed {seed}");
    }

    /// <param name="seed">Decides everything.</param>
    /// <param name="stride">See <see cref="FaultSettings.ForEach"/>.</param>
    /// <returns>Recoveries done, and records in the log.</returns>
    internal static (long Done, int Records) Run(int seed, int stride = 0)
    {
        SimulatedHeap.Keep();
        JournalImage image = JournalImage.WithTornTail(seed);
        long done = FaultSettings.ForEach(nameof(TornTailTests), seed, (long)Fills * TailLength, () => new Worker(image, seed), (worker, point) => worker.Run(point), everyNth: stride);
        return (done, image.Appended.Count);
    }

    private sealed unsafe class Worker : IDisposable
    {
        private readonly JournalImage _image;
        private readonly RewindableStorage _storage = new();
        private readonly RewindableFile _file;
        private readonly byte[] _random = new byte[2 * TailLength];

        internal Worker(JournalImage image, int seed)
        {
            _image = image;
            _file = image.CopyTo(_storage);
            new Random(seed).NextBytes(_random);
        }

        internal void Run(long point)
        {
            int cut = _image.End - TailLength + (int)(point / Fills);
            int firstWrong = Tear(cut, (int)(point % Fills));
            var visitor = new PrefixVisitor(_image.Appended);
            using (Journal journal = Journal.Open(_storage, JournalHarness.Options, ref visitor, out RecoveryReport report))
            {
                string where = $"cut at offset {cut}, fill {point % Fills}";
                Assert.True(visitor.Wrong == null, $"{where}: {visitor.Wrong}");
                int expected = _image.CountUpTo(firstWrong);
                Assert.True(visitor.First + visitor.Count == expected, $"{where}: {visitor.First + visitor.Count} records up to the end, {expected} expected");
                Assert.True(report.Epoch > _image.Epoch, $"{where}: epoch {report.Epoch} after {_image.Epoch}");
                Assert.True(journal.DurablePosition == journal.Log.Tail, $"{where}: served before it was durable");
                int end = (int)(journal.Log.Tail - _image.Base);
                Assert.True(
                    !new ReadOnlySpan<byte>(_file.Bytes + end, _file.Length - end).ContainsAnyExcept((byte)0), $"{where}: bytes of the dropped tail are left behind offset {end}");
            }
            _storage.Rewind();
        }

        public void Dispose() => _storage.Free();

        /// <returns>Offset of the first byte that is not as it was written.</returns>
        private int Tear(int cut, int fill)
        {
            _file.IsTouched = true;
            var tail = new Span<byte>(_file.Bytes + cut, _image.End - cut);
            switch (fill)
            {
                case 0: tail.Clear(); break;
                case 1: tail.Fill(0xFF); break;
                case 2: _image.OldBytes.AsSpan(cut, tail.Length).CopyTo(tail); break;
                default: _random.AsSpan(cut % TailLength, tail.Length).CopyTo(tail); break;
            }
            return cut + tail.CommonPrefixLength(_image.Active.AsSpan(cut, tail.Length));
        }
    }
}
