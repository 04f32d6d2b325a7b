using System.Globalization;
using System.Text;

namespace LowLatency.Bench.Workloads;

/// <summary>Bodies made beforehand, so that a workload only copies. They repeat after a stretch longer than what LZ4 looks back on.</summary>
internal sealed class BodySamples
{
    /// <summary>Bytes of all samples, at least, and four of them.</summary>
    private const int Length = 512 * 1024;

    private readonly byte[] _samples;
    private readonly int _size;
    private readonly int _count;

    internal BodySamples(BodyContent content, int size)
    {
        _size = size;
        _count = Math.Max(4, Length / size);
        _samples = new byte[_count * size];
        var random = new Random(7);
        if (content == BodyContent.Noise)
            random.NextBytes(_samples);
        else if (content == BodyContent.Quotes)
            WriteQuotes(random);
    }

    /// <summary>Copies a sample.</summary>
    /// <param name="body">As long as was said.</param>
    /// <param name="number">Which one: they come by turns.</param>
    internal void CopyTo(Span<byte> body, long number) => _samples.AsSpan((int)((ulong)number % (ulong)_count) * _size, _size).CopyTo(body);

    // Incremental refreshes of 500 instruments whose prices walk: FIX with a bar for its separator, as many entries as the body holds.
    private void WriteQuotes(Random random)
    {
        const int Instruments = 500;
        string[] names = [.. Enumerable.Range(0, Instruments).Select(i => $"{(char)('A' + i % 26)}{(char)('A' + i / 26 % 26)}{(char)('A' + i * 7 % 26)}{i % 10}")];
        int[] prices = [.. Enumerable.Range(0, Instruments).Select(_ => random.Next(500, 50_000))];
        long timeUs = 34_200_000_000;
        for (int i = 0; i < _count; i++)
        {
            timeUs += random.Next(1, 400);
            int instrument = random.Next(Instruments);
            prices[instrument] += random.Next(-3, 4);
            var text = new StringBuilder();
            text.Append(CultureInfo.InvariantCulture, $"35=X|34={1_000_000 + i}|52=20250714-{TimeSpan.FromMicroseconds(timeUs):hh\\:mm\\:ss\\.ffffff}|55={names[instrument]}|");
            while (text.Length < _size)
                text.Append(CultureInfo.InvariantCulture, $"269={random.Next(2)}|270={prices[instrument] / 100m:0.00}|271={random.Next(1, 40) * 100}|");
            Encoding.ASCII.GetBytes(text.ToString().AsSpan(0, _size), _samples.AsSpan(i * _size));
        }
    }
}
