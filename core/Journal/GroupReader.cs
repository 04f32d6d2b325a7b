using System.Runtime.InteropServices;

namespace LowLatency.Core.Journal;

/// <summary>Walks the records in the body of a group.</summary>
/// <param name="body">Of a record of type <see cref="RecordType.Group"/> whose CRCs are right.</param>
/// <param name="position">Position of the group's record.</param>
internal ref struct GroupReader(ReadOnlySpan<byte> body, long position)
{
    private readonly ReadOnlySpan<byte> _records = body;
    private readonly long _start = position + RecordLayout.HeaderLength;
    private int _offset;

    internal RecordType Type { get; private set; }

    internal uint StreamId { get; private set; }

    internal long Position { get; private set; }

    internal ReadOnlySpan<byte> Body { get; private set; }

    /// <summary>Reads the next record.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="JournalException">The group does not consist of records: it was not written by this format.</exception>
    internal bool Read()
    {
        if (_offset == _records.Length)
            return false;
        ReadOnlySpan<byte> rest = _records[_offset..];
        int length = rest.Length < RecordLayout.HeaderLength ? 0 : MemoryMarshal.Read<int>(rest);
        int aligned = length < RecordLayout.HeaderLength ? 0 : RecordLayout.AlignedLength(length - RecordLayout.HeaderLength);
        Position = _start + _offset;
        if (aligned == 0 || aligned > rest.Length || MemoryMarshal.Read<long>(rest[RecordLayout.Position..]) != Position)
            throw new JournalException(JournalError.Damaged, $"The group of records at position {_start - RecordLayout.HeaderLength} is whole, but not what a broker of this version writes.");
        Type = (RecordType)MemoryMarshal.Read<ushort>(rest[RecordLayout.Type..]);
        StreamId = MemoryMarshal.Read<uint>(rest[RecordLayout.StreamId..]);
        Body = rest[RecordLayout.HeaderLength..length];
        _offset += aligned;
        return true;
    }
}
