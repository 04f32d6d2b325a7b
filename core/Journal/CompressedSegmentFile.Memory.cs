using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <content>What of the segment is in memory, decompressed: all of it while a slot holds it, else the blocks that somebody read in place.</content>
/// <remarks>
/// Blocks are decompressed under the lock, by the preparer for a slot or by whoever reads. Memory is taken from readers as that of a retired segment is:
/// <code>
///  reader                            preparer
///  counter odd                       whole = null
///  full fence          (Enter)       full fence          (HasPassed)
///  whole, or the lock                read counters
/// </code>
/// Who takes the lock meanwhile marks it as touched, and the preparer begins again.
/// </remarks>
internal sealed unsafe partial class CompressedSegmentFile
{
    private readonly Lock _lock = new();
    private readonly bool[] _present;
    private byte* _memory;
    private nint _whole;
    private int _presentCount;
    private long _lastUse;
    private bool _isTouched;
    private bool _isLeaving;
    private ReaderTicket _ticket;

    /// <summary>Where those are listed that have memory. Set before the segment can be read in place.</summary>
    internal DecompressedSegments? Owner { get; set; }

    /// <summary>Called when all readers have passed, and one may come again. For tests.</summary>
    internal Action? BeforeUnmap { get; set; }

    /// <summary>Start of the segment, as far as it was brought into memory; <c>null</c> when nothing was.</summary>
    internal override byte* Memory => _memory;

    /// <summary>Bytes that are in memory. Any thread; a hint for all but the preparer.</summary>
    internal long PresentBytes => (long)Volatile.Read(ref _presentCount) * BlockLength;

    /// <summary>When something was read without a slot for the last time; counts such reads.</summary>
    internal long LastUse => Volatile.Read(ref _lastUse);

    /// <summary>The record at an offset, for who reads it now. Any thread inside its <see cref="ReaderSection"/>.</summary>
    /// <param name="error">0; or the error number, and the result is <c>null</c>.</param>
    internal byte* Bring(int offset, out int error)
    {
        error = 0;
        byte* whole = (byte*)Volatile.Read(ref _whole);
        return whole != null ? whole + offset : BringRecord(offset, out error);
    }

    internal override int Load(int offset, int length)
    {
        // The disk reads on while this part is decompressed.
        ReadAhead(offset, 2L * length);
        int error;
        lock (_lock)
        {
            _isLeaving = false;
            error = _memory == null ? MapMemory() : 0;
            // A fault for 2 MiB costs little more than one for 4 KiB. Where the system has no such pages it stays as it is.
            if (error == 0 && offset == 0)
                _ = NativeFile.AdviseMemory(_memory, (nuint)_size, NativeFile.AdviceHugePages);
            for (int block = offset / BlockLength; block < (offset + length) / BlockLength && error == 0; block++)
                error = BringBlock(block);
            if (error == 0 && _presentCount == _blocks.Length)
                Volatile.Write(ref _whole, (nint)_memory);
        }
        DropCache(offset, length); // It need not hold it twice.
        return error;
    }

    /// <summary>Gives the memory back when no reader can have it any more. Preparer, again and again.</summary>
    /// <returns>False: not yet.</returns>
    internal bool TryLetGo(ReaderRegistry readers)
    {
        lock (_lock)
        {
            if (!_isLeaving || _isTouched)
            {
                _isLeaving = true;
                _isTouched = false;
                Volatile.Write(ref _whole, 0);
                _ticket.Clear();
            }
        }
        if (!_ticket.HasPassed(readers))
            return false;
        BeforeUnmap?.Invoke();
        lock (_lock)
        {
            if (_isTouched)
                return false;
            Unmap();
        }
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* BringRecord(int offset, out int error)
    {
        lock (_lock)
        {
            _isTouched = true;
            Volatile.Write(ref _lastUse, Owner!.NextUse());
            error = BringRange(offset, RecordLayout.HeaderLength);
            if (error != 0)
                return null;
            long length = *(uint*)(_memory + offset);
            if (length < RecordLayout.HeaderLength || length > _size - offset)
                error = Errno.BadMessage;
            else
                error = BringRange(offset, (int)length);
            return error == 0 ? _memory + offset : null;
        }
    }

    private int BringRange(int offset, int length)
    {
        int error = 0;
        for (int block = offset / BlockLength; block <= (offset + length - 1) / BlockLength && error == 0; block++)
            error = BringBlock(block);
        return error;
    }

    private int BringBlock(int block)
    {
        if (_present[block])
            return 0;
        int error = _memory == null ? MapMemory() : 0;
        if (error == 0)
            error = ReadBlock(block, _memory + (long)block * BlockLength);
        if (error != 0)
            return error;
        _present[block] = true;
        Owner!.Count(BlockLength);
        Volatile.Write(ref _presentCount, _presentCount + 1);
        return 0;
    }

    private int MapMemory()
    {
        void* memory = NativeFile.Map(null, (nuint)_size, NativeFile.ProtectionReadWrite, NativeFile.MapPrivateAnonymous, -1, 0);
        if ((nint)memory == -1)
            return NativeFile.LastError;
        _memory = (byte*)memory;
        Owner!.Add(this);
        return 0;
    }

    private void FreeMemory()
    {
        lock (_lock)
            Unmap();
    }

    private void Unmap()
    {
        _whole = 0;
        _isLeaving = false;
        if (_memory == null)
            return;
        Owner!.Count(-(long)_presentCount * BlockLength);
        Owner.Remove(this);
        Volatile.Write(ref _presentCount, 0);
        Array.Clear(_present);
        _ = NativeFile.Unmap(_memory, (nuint)_size);
        _memory = null;
    }
}
