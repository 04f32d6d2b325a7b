namespace LowLatency.Core.Journal;

/// <summary>A file of a journal.</summary>
internal abstract unsafe class SegmentFile : IDisposable
{
    protected SegmentFile(string name) => Name = name;

    /// <summary>Its name in the folder now.</summary>
    internal string Name { get; set; }

    /// <summary>Its bytes once mapped; stores reach the file. <c>null</c> before <see cref="Map"/>.</summary>
    internal abstract byte* Memory { get; }

    /// <summary>Bytes in the file.</summary>
    internal abstract long FileLength { get; }

    /// <summary>Reserves blocks under the first <paramref name="length"/> bytes, extends the file to them, and maps them.</summary>
    /// <exception cref="StorageException">No space, or the file cannot be mapped.</exception>
    internal abstract void Map(int length);

    /// <summary>Waits until everything stored before the call is on disk.</summary>
    /// <returns>0, or the error number. After an error nothing that was not durable before can be relied on, whatever later calls return.</returns>
    internal abstract int Sync();

    /// <summary>As <see cref="Sync()"/>, for a range: other pages stay as they are, to be written or not.</summary>
    /// <param name="offset">Start in bytes.</param>
    /// <param name="length">In bytes.</param>
    internal abstract int Sync(int offset, int length);

    /// <summary>Stores bytes and waits until they are on disk, and only they: other pages stay as they are, to be written or not.</summary>
    /// <returns>0, or the error number.</returns>
    internal abstract int WriteThrough(int offset, byte* data, int length);

    /// <summary>Touches pages, so that the writer will not wait for them; their bytes stay as they are.</summary>
    /// <param name="offset">Start, at a page.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="writeOut">Also writes them out, so that no later sync has to.</param>
    /// <returns>0, or the error number. An error of the write-out is one of the disk; it is told to <see cref="Sync()"/> too.</returns>
    internal abstract int Populate(int offset, int length, bool writeOut);

    /// <summary>Brings a range of the file into memory, for a thread that must not wait for the disk.</summary>
    /// <returns>0, or the error number; <see cref="Errno.Again"/>: not now.</returns>
    internal virtual int Load(int offset, int length) => 0;

    /// <summary>Takes a range of the file out of memory, as far as its bytes are on the disk. It stays mapped: who reads it waits for the disk.</summary>
    internal virtual void Release(int offset, int length)
    {
    }

    /// <summary>Reads from the file, not through the map: an unreadable block is an error number, not a signal.</summary>
    /// <returns>Bytes read, fewer than asked for at the end of the file only; or minus the error number.</returns>
    internal abstract int Read(long offset, byte* buffer, int length);

    /// <summary>Says that the file is about to be read from its start to its end. Does not wait.</summary>
    internal void ReadAhead() => ReadAhead(0, 0);

    /// <summary>As <see cref="ReadAhead()"/>, for a range; length 0: to the end.</summary>
    internal virtual void ReadAhead(long offset, long length)
    {
    }

    /// <summary>Forgets cached pages that the system takes for written, so that reads show what the disk has.</summary>
    internal void DropCache() => DropCache(0, 0);

    /// <summary>As <see cref="DropCache()"/>, for the pages that are whole in a range; length 0: to the end.</summary>
    internal abstract void DropCache(long offset, long length);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
