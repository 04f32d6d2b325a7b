using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

/// <summary>Reads the strings, tables and texts behind the fixed fields of a frame, a command or an event, in order and in place.</summary>
/// <param name="parts">What is behind the fixed fields. It was checked, or the engine wrote it.</param>
internal ref struct FrameParts(ReadOnlySpan<byte> parts)
{
    private ReadOnlySpan<byte> _rest = parts;

    /// <summary>The next string, without its length.</summary>
    internal ReadOnlySpan<byte> String() => Take(1, _rest[0]);

    /// <summary>The next table or text, without its length.</summary>
    internal ReadOnlySpan<byte> Long() => Take(sizeof(ushort), MemoryMarshal.Read<ushort>(_rest));

    private ReadOnlySpan<byte> Take(int prefix, int length)
    {
        ReadOnlySpan<byte> part = _rest.Slice(prefix, length);
        _rest = _rest[(prefix + length)..];
        return part;
    }
}
