using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <summary>A journal file under <c>mmap</c>.</summary>
internal sealed unsafe class MappedSegmentFile : SegmentFile
{
    private const int PageLength = 4096;

    private readonly int _file;
    private readonly string _directory;
    private byte* _memory;
    private int _length;
    private int _writeOutFile = -1;
    private bool _isClosed;

    internal MappedSegmentFile(string directory, string name, int file)
        : base(name)
    {
        _directory = directory;
        _file = file;
    }

    private string FullName => Path.Combine(_directory, Name);

    internal override byte* Memory => _memory;

    internal override long FileLength
    {
        get
        {
            const int seekEnd = 2;
            long length = NativeFile.Seek(_file, 0, seekEnd);
            return length >= 0 ? length : throw NativeFile.Failure("Reading the length", FullName);
        }
    }

    internal override void Map(int length)
    {
        // Real blocks under every byte: a store into a hole on a full disk would end the process by a signal.
        Allocate(length);
        void* memory = NativeFile.Map(null, (nuint)length, NativeFile.ProtectionReadWrite, NativeFile.MapShared, _file, 0);
        if ((nint)memory == -1)
            throw NativeFile.Failure("Mapping", FullName);
        _memory = (byte*)memory;
        _length = length;
    }

    internal override int Sync()
    {
        while (NativeFile.SyncData(_file) != 0)
        {
            int error = NativeFile.LastError;
            if (error != Errno.Interrupted)
                return error;
        }
        return 0;
    }

    internal override int Sync(int offset, int length)
    {
        // msync of a shared mapping is the file's fsync over the range, error reporting included. A recycled segment holds dirty
        // pages of its former life behind the tail: writing 64 MiB that nobody will read costs more than all that is appended.
        int start = offset & -PageLength;
        Unmap(start, offset - start + length);
        while (NativeFile.SyncMemory(_memory + start, (nuint)(offset - start + length), NativeFile.SyncAndWait) != 0)
        {
            int error = NativeFile.LastError;
            if (error != Errno.Interrupted)
                return error;
        }
        return 0;
    }

    internal override int WriteThrough(int offset, byte* data, int length)
    {
        // POSIX O_DSYNC for one write: syncs its range, not what else is dirty in the file.
        int done = 0;
        while (done < length)
        {
            var vector = new IoVector { Start = data + done, Length = (nuint)(length - done) };
            nint count = NativeFile.WriteWithFlags(_file, &vector, 1, offset + done, NativeFile.WriteDataSync);
            if (count > 0)
                done += (int)count;
            else if (count == 0)
                return Errno.InputOutput;
            else if (NativeFile.LastError is Errno.NotSupported or Errno.NoSuchCall)
                return StoreAndSync(offset, data, length);
            else if (NativeFile.LastError is var error && error != Errno.Interrupted)
                return error;
        }
        return 0;
    }

    internal override int Populate(int offset, int length, bool writeOut)
    {
        // As single pages: what a fault brings in comes with its surroundings, in folios of up to 2 MiB, and a sync of one page writes all of its folio.
        _ = NativeFile.AdviseFile(_file, offset, length, NativeFile.AdviceWillNeed);
        if (NativeFile.AdviseMemory(_memory + offset, (nuint)length, NativeFile.AdvicePopulateWrite) != 0)
        {
            int error = NativeFile.LastError;
            if (error != Errno.Invalid)
                return error == Errno.Again || error == Errno.Interrupted ? 0 : error;
            Touch(offset, length); // Linux before 5.14.
        }
        if (!writeOut)
            return 0;
        // Through a descriptor of its own: an error of write-back is told once to each, and the flusher's must not be taken from it.
        if (_writeOutFile < 0)
            _writeOutFile = NativeFile.Open(FullName, NativeFile.ReadWriteAccess | NativeFile.CloseOnExecFlag, 0);
        if (_writeOutFile < 0)
            return 0; // Out of descriptors: a later sync writes it.
        const uint flags = NativeFile.SyncWaitBefore | NativeFile.SyncWrite | NativeFile.SyncWaitAfter;
        return NativeFile.SyncRange(_writeOutFile, offset, length, flags) == 0 ? 0 : NativeFile.LastError;
    }

    internal override int Load(int offset, int length)
    {
        // The disk reads on while this part is checked.
        _ = NativeFile.AdviseFile(_file, offset, Math.Min(2L * length, _length - offset), NativeFile.AdviceWillNeed);
        if (NativeFile.AdviseMemory(_memory + offset, (nuint)length, NativeFile.AdvicePopulateRead) == 0)
            return 0;
        int error = NativeFile.LastError;
        if (error == Errno.Interrupted)
            return Errno.Again;
        if (error != Errno.Invalid)
            return error;
        for (int page = offset; page < offset + length; page += PageLength)
            _ = Volatile.Read(ref _memory[page]); // Linux before 5.14.
        return 0;
    }

    internal override void Release(int offset, int length)
    {
        // Pages that are mapped are not dropped.
        _ = NativeFile.AdviseMemory(_memory + offset, (nuint)length, NativeFile.AdviceDontNeed);
        DropCache(offset, length);
    }

    internal override int Read(long offset, byte* buffer, int length)
    {
        int done = 0;
        while (done < length)
        {
            nint count = NativeFile.Read(_file, buffer + done, (nuint)(length - done), offset + done);
            if (count == 0)
                break;
            if (count > 0)
                done += (int)count;
            else if (NativeFile.LastError is var error && error != Errno.Interrupted)
                return -error;
        }
        return done;
    }

    internal override void ReadAhead(long offset, long length) => _ = NativeFile.AdviseFile(_file, offset, length, NativeFile.AdviceWillNeed);

    // Its result says nothing: pages that are still to be written stay, and they are what will be on disk.
    internal override void DropCache(long offset, long length) => _ = NativeFile.AdviseFile(_file, offset, length, NativeFile.FileAdviceDontNeed);

    protected override void Dispose(bool disposing)
    {
        if (_isClosed)
            return;
        _isClosed = true;
        if (_memory != null)
            _ = NativeFile.Unmap(_memory, (nuint)_length);
        _memory = null;
        _ = NativeFile.Close(_file);
        if (_writeOutFile >= 0)
            _ = NativeFile.Close(_writeOutFile);
    }

    /// <summary>Where a single write cannot be synced: everything is.</summary>
    private int StoreAndSync(int offset, byte* data, int length)
    {
        Unsafe.CopyBlockUnaligned(_memory + offset, data, (uint)length);
        return Sync();
    }

    private void Allocate(int length)
    {
        while (NativeFile.Allocate(_file, 0, 0, length) != 0)
        {
            int error = NativeFile.LastError;
            if (error == Errno.Interrupted)
                continue;
            if (error != Errno.NotSupported)
                throw NativeFile.Failure(error, "Reserving blocks", FullName);
            WriteZeroes(length);
            return;
        }
    }

    /// <summary>Where blocks cannot be reserved: writes them, a page at a time, since one big write would make one big unit of write-back.</summary>
    private void WriteZeroes(int length)
    {
        byte* page = stackalloc byte[PageLength];
        Unsafe.InitBlockUnaligned(page, 0, PageLength);
        for (long offset = FileLength & ~(PageLength - 1L); offset < length;)
        {
            // Not over bytes that are there: a file that is too short keeps what it has.
            long from = Math.Max(offset, FileLength);
            nint count = NativeFile.Write(_file, page, (nuint)(offset + PageLength - from), from);
            if (count < 0 && NativeFile.LastError != Errno.Interrupted)
                throw NativeFile.Failure("Writing zeroes", FullName);
            if (FileLength >= offset + PageLength)
                offset += PageLength;
        }
    }

    /// <summary>Lets go of pages that are about to be written out. They stay in the page cache, and are mapped again, several at once, when they are read.</summary>
    /// <remarks>Write-back protects each mapped page from writing on its own, and has the other processors forget it: some 10 µs a page where one of them
    /// runs a thread of this process (172 KiB: 557 µs), against one round for all of them here (167 µs).</remarks>
    private void Unmap(int start, int length)
    {
        if (length > 2 * PageLength)
            _ = NativeFile.AdviseMemory(_memory + start, (nuint)length, NativeFile.AdviceDontNeed);
    }

    private void Touch(int offset, int length)
    {
        for (int page = offset; page < offset + length; page += PageLength)
            Interlocked.Add(ref *(int*)(_memory + page), 0); // Atomic: the engine may be writing here.
    }
}
