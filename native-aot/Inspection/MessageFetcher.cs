using System.Runtime.InteropServices;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>Reads single messages of a journal by their positions; those that stand close together by one read.</summary>
internal sealed unsafe class MessageFetcher : IDisposable
{
    private const int ReadLength = 256 * 1024;

    private readonly JournalReader _reader;
    private readonly Dictionary<long, FoundSegment> _segments = [];
    private byte* _buffer = (byte*)NativeMemory.Alloc(ReadLength);
    private int _capacity = ReadLength;
    private long _start = -1;
    private int _length;

    internal MessageFetcher(JournalReader reader)
    {
        _reader = reader;
        foreach (FoundSegment segment in reader.Folder.Segments)
            _segments[segment.Id] = segment;
    }

    /// <summary>The body of the record at a position, which a reader found whole.</summary>
    /// <param name="body">Valid until the next call.</param>
    /// <returns>False when its segment was taken away by the broker that has the journal open: nobody needs the message any more.</returns>
    internal bool TryFetch(long position, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (!TryLoad(position, RecordLayout.HeaderLength))
            return false;
        byte* header = _buffer + (position - _start);
        int length = *(int*)header;
        if (*(long*)(header + RecordLayout.Position) != position || length < RecordLayout.HeaderLength || length > _reader.SegmentSize)
            return false;
        if (!TryLoad(position, length))
            return false;
        body = new ReadOnlySpan<byte>(_buffer + (position - _start) + RecordLayout.HeaderLength, length - RecordLayout.HeaderLength);
        return true;
    }

    public void Dispose() => NativeMemory.Free(_buffer);

    private bool TryLoad(long position, int length)
    {
        if (position >= _start && _start >= 0 && position + length <= _start + _length)
            return true;
        FoundSegment segment = _segments[position / _reader.SegmentSize];
        if (length > _capacity)
        {
            _capacity = length;
            _buffer = (byte*)NativeMemory.Realloc(_buffer, (nuint)length);
        }
        int read = segment.File.Read(position % _reader.SegmentSize, _buffer, Math.Max(length, ReadLength));
        if (read < 0)
            throw NativeFile.Failure(-read, "Reading", segment.File.Name);
        // A file is used again only after it has lost its name.
        bool isGood = read >= length && File.Exists(Path.Combine(_reader.Folder.Storage.Location, segment.File.Name));
        _start = isGood ? position : -1;
        _length = read;
        return isGood;
    }
}
