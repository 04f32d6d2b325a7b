using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>A position, sequence or flag that several threads touch, alone on its cache lines.</summary>
/// <remarks>Keep it in a field that is not <c>readonly</c>: on a <c>readonly</c> field each call works on a copy.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 2 * CacheLine.PaddedBytes + sizeof(long))]
internal struct PaddedPosition
{
    [FieldOffset(CacheLine.PaddedBytes)] private long _value;

    internal PaddedPosition(long value) => _value = value;

    /// <summary>Reads without ordering: for the one thread that writes.</summary>
    internal readonly long Read() => _value;

    /// <summary>Pairs with <see cref="WriteRelease"/> of the writer.</summary>
    internal long ReadAcquire() => Volatile.Read(ref _value);

    /// <summary>Makes everything stored before visible to who reads this value with <see cref="ReadAcquire"/>.</summary>
    internal void WriteRelease(long value) => Volatile.Write(ref _value, value);

    /// <summary>Full fence. Returns the value found; the exchange was made when that is <paramref name="comparand"/>.</summary>
    internal long CompareExchange(long value, long comparand) => Interlocked.CompareExchange(ref _value, value, comparand);

    /// <summary>Full fence. Returns the value replaced.</summary>
    internal long Exchange(long value) => Interlocked.Exchange(ref _value, value);

    /// <summary>Full fence. Returns the new value.</summary>
    internal long Add(long delta) => Interlocked.Add(ref _value, delta);
}
