using System.Buffers.Binary;

namespace LowLatency.Server.Torture;

/// <summary>What one stream published, was promised and got, and every way in which a broker can break its word about it.</summary>
/// <remarks>
/// Messages are numbered from 1; a number and the seed decide all bytes of a message, so that nothing has to be kept of it. The publisher's
/// side and the consumer's side are each used by one thread; the verdict is read when both have ended.
/// </remarks>
internal sealed class StreamLedger(ulong seed)
{
    internal const int MaxLength = 512;

    private const int HeaderLength = 16;
    private const int MaxFindings = 20;

    private readonly byte[] _expected = new byte[MaxLength];
    private ulong[] _received = new ulong[1024];
    private long _published;
    private long _confirmed;
    private long _lastFirst;
    private long _highest;

    /// <summary>Messages handed to the client. Any thread.</summary>
    internal long Published => Volatile.Read(ref _published);

    /// <summary>Messages confirmed: 1 up to this. Any thread.</summary>
    internal long Confirmed => Volatile.Read(ref _confirmed);

    /// <summary>Different messages that arrived. Any thread.</summary>
    internal long Delivered => Volatile.Read(ref _delivered);

    private long _delivered;

    /// <summary>Messages that came again, marked as redelivered: allowed.</summary>
    internal long Repeats { get; private set; }

    /// <summary>Messages that came again without that mark.</summary>
    internal long UnmarkedRepeats { get; private set; }

    /// <summary>Messages that came for the first time after a later one had.</summary>
    internal long Reordered { get; private set; }

    /// <summary>Deliveries of something that was never published, or with other bytes.</summary>
    internal long Phantoms { get; private set; }

    /// <summary>Confirmed messages that never arrived. After <see cref="Close"/>.</summary>
    internal long Lost { get; private set; }

    /// <summary>The first broken promises, in words.</summary>
    internal List<string> Findings { get; } = [];

    internal bool HasHeld => Lost == 0 && Reordered == 0 && Phantoms == 0 && UnmarkedRepeats == 0;

    /// <summary>The message of a number: 16 to 512 bytes.</summary>
    internal int Write(long number, Span<byte> body)
    {
        ulong mixed = Mix(number);
        int length = HeaderLength + (int)(mixed % (MaxLength - HeaderLength + 1));
        BinaryPrimitives.WriteInt64LittleEndian(body, number);
        BinaryPrimitives.WriteUInt64LittleEndian(body[8..], mixed);
        for (int i = HeaderLength; i < length; i++)
            body[i] = (byte)(number + i);
        return length;
    }

    /// <summary>The number that a message says it has; -1 for none.</summary>
    internal static long NumberOf(ReadOnlySpan<byte> body) => body.Length >= HeaderLength ? BinaryPrimitives.ReadInt64LittleEndian(body) : -1;

    internal void OnPublished(long number) => Volatile.Write(ref _published, number);

    internal void OnConfirmed(long number) => Volatile.Write(ref _confirmed, Math.Max(_confirmed, number));

    internal void OnDelivered(ReadOnlySpan<byte> body, bool isRedelivered)
    {
        long number = NumberOf(body);
        if (number < 1 || !body.SequenceEqual(_expected.AsSpan(0, Write(number, _expected))))
        {
            Phantoms++;
            Find($"a message of {body.Length} bytes that says it is number {number} was never published so");
            return;
        }
        if (!Mark(number))
        {
            Repeats += isRedelivered ? 1 : 0;
            UnmarkedRepeats += isRedelivered ? 0 : 1;
            if (!isRedelivered)
                Find($"number {number} came again and was not marked as redelivered");
            return;
        }
        if (number != _lastFirst + 1)
        {
            Reordered++;
            Find($"number {number} came first after {_lastFirst}");
        }
        _lastFirst = number;
        _highest = Math.Max(_highest, number);
        Volatile.Write(ref _delivered, _delivered + 1);
    }

    /// <summary>The last look: everything confirmed has arrived, nothing arrived that was not published.</summary>
    internal void Close()
    {
        for (long number = 1; number <= Confirmed; number++)
        {
            if (IsMarked(number))
                continue;
            Lost++;
            Find($"number {number} was confirmed and never arrived");
        }
        for (long number = Published + 1; number <= _highest; number++)
        {
            if (!IsMarked(number))
                continue;
            Phantoms++;
            Find($"number {number} arrived and was never published");
        }
    }

    private void Find(string text)
    {
        if (Findings.Count < MaxFindings)
            Findings.Add(text);
    }

    private bool IsMarked(long number) => number >> 6 < _received.Length && (_received[number >> 6] & (1UL << (int)(number & 63))) != 0;

    private bool Mark(long number)
    {
        if (IsMarked(number))
            return false;
        // A number that no publisher can have reached is a phantom, not a reason to take all memory.
        if (number >> 6 >= _received.Length)
            Array.Resize(ref _received, checked((int)Math.Max(_received.Length * 2L, (number >> 6) + 1)));
        _received[number >> 6] |= 1UL << (int)(number & 63);
        return true;
    }

    private ulong Mix(long number)
    {
        ulong x = ((ulong)number * 0x9E3779B97F4A7C15) + seed;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        return x ^ (x >> 27);
    }
}
