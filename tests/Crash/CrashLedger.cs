using System.Buffers.Binary;

namespace LowLatency.Tests.Crash;

/// <summary>What was published, confirmed and delivered, and every way in which a broker can break its word about it.</summary>
/// <remarks>Publisher side and delivery side are each used by one thread; the verdict is read when both have ended.</remarks>
internal sealed class CrashLedger(int seed)
{
    private const int HeaderLength = 16;

    private readonly List<string> _broken = [];
    private readonly HashSet<long> _received = [];
    private long _published;
    private long _confirmed;
    private long _lastFirst;

    internal long Published => Volatile.Read(ref _published);

    internal long Confirmed => Volatile.Read(ref _confirmed);

    internal int ReceivedCount { get; private set; }

    internal int RepeatCount { get; private set; }

    internal IReadOnlyList<string> Broken => _broken;

    /// <summary>The message of a number: 16 to 512 bytes that its number and the seed decide.</summary>
    internal int Write(long number, Span<byte> body)
    {
        int length = HeaderLength + (int)(Mix(number) % 497);
        BinaryPrimitives.WriteInt64LittleEndian(body, number);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], Mix(number));
        for (int i = HeaderLength; i < length; i++)
            body[i] = (byte)(number + i);
        return length;
    }

    internal void OnPublished(long number) => Volatile.Write(ref _published, number);

    internal void OnConfirmed(long number) => Volatile.Write(ref _confirmed, Math.Max(_confirmed, number));

    internal void OnDelivered(ReadOnlySpan<byte> body, bool isRedelivered)
    {
        Span<byte> expected = stackalloc byte[1024];
        long number = body.Length >= HeaderLength ? BinaryPrimitives.ReadInt64LittleEndian(body) : -1;
        if (number < 1 || !body.SequenceEqual(expected[..Write(number, expected)]))
        {
            _broken.Add($"phantom: a message of {body.Length} bytes that says it is number {number} was never published");
            return;
        }
        if (!_received.Add(number))
        {
            RepeatCount++;
            if (!isRedelivered)
                _broken.Add($"unflagged: number {number} came twice without the redelivered flag");
            return;
        }
        ReceivedCount++;
        if (number != _lastFirst + 1)
            _broken.Add($"order: number {number} came first after {_lastFirst}");
        _lastFirst = number;
    }

    /// <summary>Everything confirmed has arrived.</summary>
    internal void Close()
    {
        for (long number = 1; number <= Confirmed; number++)
        {
            if (!_received.Contains(number))
                _broken.Add($"lost: number {number} was confirmed");
        }
    }

    private ulong Mix(long number)
    {
        ulong x = (ulong)number * 0x9E3779B97F4A7C15 + (ulong)seed;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        return x ^ (x >> 27);
    }
}
