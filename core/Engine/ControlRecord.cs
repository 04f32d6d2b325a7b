using System.Buffers.Binary;

namespace LowLatency.Core.Engine;

/// <summary>Builds the body of a definition record. Control plane: allocates.</summary>
internal sealed class ControlRecord
{
    private byte[] _bytes = new byte[64];
    private int _length;

    internal ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    /// <summary>Empties it for another record.</summary>
    internal ControlRecord Clear()
    {
        _length = 0;
        return this;
    }

    internal void U8(byte value) => Take(1)[0] = value;

    internal void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    internal void I64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    internal void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    /// <summary>A length byte and the bytes, 255 at most.</summary>
    internal void String(ReadOnlySpan<byte> value)
    {
        U8((byte)value.Length);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>A u16 length and the entries of a field table.</summary>
    internal void Table(ReadOnlySpan<byte> entries)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Take(sizeof(ushort)), (ushort)entries.Length);
        entries.CopyTo(Take(entries.Length));
    }

    private Span<byte> Take(int length)
    {
        if (_length + length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + length));
        _length += length;
        return _bytes.AsSpan(_length - length, length);
    }
}

/// <summary>Reads what <see cref="ControlRecord"/> built. The record's checksum has vouched for it.</summary>
internal ref struct ControlRecordReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    internal byte U8() => Take(1)[0];

    internal uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    internal long I64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    internal ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    internal ReadOnlySpan<byte> String() => Take(U8());

    internal ReadOnlySpan<byte> Table() => Take(BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort))));

    private ReadOnlySpan<byte> Take(int length)
    {
        ReadOnlySpan<byte> taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
