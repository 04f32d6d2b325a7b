using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Agents;
using LowLatency.Core.Compression;

namespace LowLatency.Core.Journal;

/// <summary>Compresses cold segments, the oldest first. On a thread of its own that runs when nothing else wants to (see <see cref="ThreadStanding.Behind"/>), or stepped.</summary>
/// <remarks>
/// Compress into memory ▸ write a file under a spare name, synced ▸ read it back and compare with the segment ▸ offer it to the log. What fails here costs nobody
/// anything: the segment stays as it is. Each segment is tried once in a run; one that a slot holds, or is given to meanwhile, again when the slot lets go.
/// </remarks>
internal sealed unsafe class SegmentCompressor : IAgent, IDisposable
{
    /// <summary>Blocks of a step, in which no segment is taken back: a tenth of a millisecond, though its thread may wait for a processor meanwhile.</summary>
    private const int BlocksPerStep = 1;

    private const int WritePerStep = 1024 * 1024;

    /// <summary>So often a segment is begun that is asked for each time before it is done.</summary>
    private const int MaxBegins = 4;

    private readonly RecordLog _log;
    private readonly FileSegmentSource _source;
    private readonly IJournalStorage _storage;
    private readonly Lz4 _lz4;
    private readonly int _size;
    private readonly int _count;
    private readonly int _limit;
    private readonly byte* _state;
    private Stage _stage;
    private Segment? _segment;
    private byte* _buffer;
    private int _block;
    private int _length;
    private int _written;
    private SegmentFile? _file;
    private CompressedSegmentFile? _compressed;
    private volatile bool _isOff;
    private long _nextIndex = -1;
    private long _index = -1;
    private long _offered = -1;

    // Those whose turn it was while a slot held them, or that were asked for meanwhile. No more than there are slots: those behind have to wait then.
    private readonly List<long> _passed = [];
    private readonly ReaderSection _section;

    internal SegmentCompressor(RecordLog log, FileSegmentSource source, IJournalStorage storage, Lz4 lz4, ReaderRegistry readers)
    {
        _section = readers.Register();
        _log = log;
        _source = source;
        _storage = storage;
        _lz4 = lz4;
        _size = log.SegmentSize;
        _count = _size / CompressedSegmentFile.BlockLength;
        // Where it spares less than a quarter it is not worth the reading.
        _limit = _size / 4 * 3;
        _state = (byte*)NativeMemory.AlignedAlloc((nuint)lz4.StateLength, 64);
    }

    private enum Stage
    {
        None,
        Compress,
        Write,
        Check,
    }

    public string Name => "compressor";

    /// <summary>Index of the first segment that did not have its turn. Any thread.</summary>
    internal long NextIndex
    {
        get => Volatile.Read(ref _nextIndex);
        private set => Volatile.Write(ref _nextIndex, value);
    }

    /// <summary>A segment is in work.</summary>
    internal bool IsBusy => _stage != Stage.None;

    /// <summary>Whether a segment is in memory for it still: it is let go of when its turn is over.</summary>
    internal bool Awaits(long index) => !_isOff && index >= NextIndex;

    /// <summary>One step.</summary>
    /// <returns>0 when no segment is in work.</returns>
    public int DoWork()
    {
        if (_isOff || _log.Active == null || _log.State == JournalState.Failed)
            return 0;
        _section.Enter(); // The segment's file stays for the step.
        Step();
        _section.Exit();
        return IsBusy ? 1 : 0;
    }

    private void Step()
    {
        try
        {
            switch (_stage)
            {
                case Stage.None:
                    Begin();
                    break;
                case var _ when _log.FindSegment(_index * _size) != _segment:
                    Abandon();
                    break;
                case var _ when _segment!.Slot != null:
                    ComeBack(_segment);
                    Abandon(staysPlain: false);
                    break;
                case Stage.Compress:
                    Compress();
                    break;
                case Stage.Write:
                    Write();
                    break;
                default:
                    Check();
                    break;
            }
        }
        catch (StorageException)
        {
            Abandon();
        }
    }

    /// <summary>Gives back what it holds. A file in the making stays under its spare name, which recovery knows what to do with.</summary>
    public void Dispose()
    {
        _compressed?.Dispose();
        _file?.Dispose();
        FreeBuffer();
        NativeMemory.AlignedFree(_state);
        _isOff = true;
    }

    private void Begin()
    {
        if (_log.HasOffer)
            return;
        // One that was asked for when its file was offered stayed as it was.
        if (_offered >= 0 && Find(_offered) is { } again)
            ComeBack(again);
        _offered = -1;
        Segment? segment = FindPassed() ?? FindNext();
        if (segment == null || !_source.CanReplace(segment))
            return;
        void* buffer = NativeFile.Map(null, (nuint)_limit, NativeFile.ProtectionReadWrite, NativeFile.MapPrivateAnonymous, -1, 0);
        if ((nint)buffer == -1)
            return;
        _buffer = (byte*)buffer;
        _segment = segment;
        _index = segment.Index;
        _passed.Remove(_index);
        NextIndex = Math.Max(NextIndex, _index);
        _block = 0;
        _length = CompressedSegmentFile.BlocksStart(_size);
        _stage = Stage.Compress;
    }

    /// <summary>The first of those that were passed which no slot holds any more.</summary>
    private Segment? FindPassed()
    {
        for (int i = 0; i < _passed.Count;)
        {
            Segment? segment = Find(_passed[i]);
            if (segment is { Slot: null })
                return segment;
            if (segment == null)
                _passed.RemoveAt(i);
            else
                i++;
        }
        return null;
    }

    private Segment? FindNext()
    {
        long end = _log.FirstHotIndex;
        for (NextIndex = Math.Max(NextIndex, Math.Min(_log.OldestIndex, end)); NextIndex < end; NextIndex++)
        {
            Segment? segment = Find(NextIndex);
            if (segment is { Slot: null })
                return segment;
            if (segment == null)
                continue;
            if (_passed.Count >= _log.Slots.Length)
                break;
            _passed.Add(NextIndex);
        }
        return null;
    }

    /// <summary>A segment that is in the log, and worth compressing as far as is known.</summary>
    private Segment? Find(long index)
    {
        Segment? segment = _log.FindSegment(index * _size);
        return segment == null || segment.StaysPlain || segment.Compressed != null || Volatile.Read(ref segment.References) == 0 ? null : segment;
    }

    [SkipLocalsInit]
    private void Compress()
    {
        byte* plain = stackalloc byte[CompressedSegmentFile.BlockLength];
        uint seed = _segment!.Seed;
        for (int end = Math.Min(_block + BlocksPerStep, _count); _block < end; _block++)
        {
            // From the file, not through the map: what cannot be read is an error number.
            int read = _segment.File!.Read((long)_block * CompressedSegmentFile.BlockLength, plain, CompressedSegmentFile.BlockLength);
            byte* block = _buffer + _length;
            int room = _limit - _length;
            if (read != CompressedSegmentFile.BlockLength || room < CompressedSegmentFile.BlockLength)
            {
                Abandon();
                return;
            }
            int length = _lz4.Compress(_state, plain, CompressedSegmentFile.BlockLength, block, CompressedSegmentFile.BlockLength - 1);
            if (length <= 0)
            {
                length = CompressedSegmentFile.BlockLength;
                Unsafe.CopyBlockUnaligned(block, plain, CompressedSegmentFile.BlockLength);
            }
            int aligned = CompressedSegmentFile.Align(length);
            NativeMemory.Clear(block + length, (nuint)(aligned - length));
            byte* entry = _buffer + SegmentLayout.HeaderLength + _block * CompressedSegmentFile.EntryLength;
            *(uint*)entry = (uint)length;
            *(uint*)(entry + sizeof(uint)) = Crc32C.AppendAligned(seed, block, aligned);
            _length += aligned;
        }
        if (_block == _count)
            _stage = Stage.Write;
    }

    private void Write()
    {
        if (_file == null)
        {
            if (!WriteHeader())
            {
                Abandon();
                return;
            }
            const int page = SegmentLayout.HeaderLength;
            _length = (_length + page - 1) & -page;
            _file = _storage.Create(_source.NextSpareName(), _length);
            _written = 0;
            return;
        }
        int part = Math.Min(WritePerStep, _length - _written);
        Buffer.MemoryCopy(_buffer + _written, _file.Memory + _written, part, part);
        // A part at a time, so that no sync takes long.
        int error = _file.Sync(_written, part);
        _written += part;
        if (error == 0 && _written == _length)
            error = _file.Sync();
        if (error != 0)
        {
            _isOff = true; // Nothing that counts was lost, but this disk should not be asked to take more than it must.
            Abandon();
        }
        else if (_written == _length)
        {
            FreeBuffer();
            Reopen();
        }
    }

    private bool WriteHeader()
    {
        if (SegmentScanner.ReadHeader(_segment!.File!, out SegmentHeader header) != HeaderStatus.Valid)
            return false;
        byte* index = _buffer + SegmentLayout.HeaderLength;
        uint indexCrc = Crc32C.AppendAligned(_segment.Seed, index, _count * CompressedSegmentFile.EntryLength);
        SegmentLayout.Write(_buffer, header with { IsCompressed = true, IndexCrc = indexCrc });
        return true;
    }

    /// <summary>As a recovery would open it.</summary>
    private void Reopen()
    {
        string name = _file!.Name;
        _file.Dispose();
        _file = _storage.Open(name, readOnly: true);
        _block = 0;
        _stage = Stage.Check;
        if (SegmentScanner.ReadHeader(_file, out SegmentHeader header) == HeaderStatus.Valid && header.IsCompressed)
            _compressed = CompressedSegmentFile.TryOpen(_file, header, _lz4);
        if (_compressed == null)
            Distrust();
        else
            _file = null;
    }

    [SkipLocalsInit]
    private void Check()
    {
        const int length = CompressedSegmentFile.BlockLength;
        byte* expected = stackalloc byte[length];
        byte* actual = stackalloc byte[length];
        for (int end = Math.Min(_block + BlocksPerStep, _count); _block < end; _block++)
        {
            long offset = (long)_block * length;
            if (_segment!.File!.Read(offset, expected, length) != length || _compressed!.Read(offset, actual, length) != length
                || !new ReadOnlySpan<byte>(expected, length).SequenceEqual(new ReadOnlySpan<byte>(actual, length)))
            {
                Distrust();
                return;
            }
        }
        if (_block < _count)
            return;
        _compressed!.DropCache();
        _offered = _index;
        _log.Offer(_segment!, _compressed);
        _compressed = null;
        _segment = null;
        EndTurn();
    }

    /// <summary>What comes back is not what went in: no more of this in this run.</summary>
    private void Distrust()
    {
        _isOff = true;
        Abandon();
    }

    /// <summary>It was asked for meanwhile, and has its turn again when it is not read any more.</summary>
    private void ComeBack(Segment segment)
    {
        if (++segment.Begins < MaxBegins)
            _passed.Add(segment.Index);
        else
            segment.StaysPlain = true;
    }

    private void EndTurn()
    {
        _stage = Stage.None;
        if (_index == NextIndex)
            NextIndex++;
    }

    private void Abandon(bool staysPlain = true)
    {
        // One that has left the log is another's memory by now, or closed.
        if (_segment != null && staysPlain && _log.FindSegment(_index * _size) == _segment)
        {
            _segment.StaysPlain = true;
            if (_segment.Slot == null)
                _segment.File?.DropCache(); // What was read for this.
        }
        string? name = _compressed?.Name ?? _file?.Name;
        _compressed?.Dispose();
        _file?.Dispose();
        _compressed = null;
        _file = null;
        _segment = null;
        EndTurn();
        FreeBuffer();
        if (name == null)
            return;
        try
        {
            _storage.Delete(name);
        }
        catch (StorageException)
        {
            // A spare that the next start finds too short.
        }
    }

    private void FreeBuffer()
    {
        if (_buffer != null)
            _ = NativeFile.Unmap(_buffer, (nuint)_limit);
        _buffer = null;
    }
}
