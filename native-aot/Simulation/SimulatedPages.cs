namespace LowLatency.Server.Simulation;

/// <summary>The content of a file in pages; those that are all zero take no memory.</summary>
internal sealed unsafe class SimulatedPages(int length) : IDisposable
{
    internal const int PageLength = 4096;

    private readonly nint[] _pages = new nint[length / PageLength];

    /// <summary>Whether a range within one page has these bytes.</summary>
    internal bool Equal(int offset, byte* bytes, int count)
    {
        byte* page = (byte*)_pages[offset / PageLength];
        return page == null
            ? IsZero(bytes, count)
            : new ReadOnlySpan<byte>(page + (offset & (PageLength - 1)), count).SequenceEqual(new ReadOnlySpan<byte>(bytes, count));
    }

    /// <summary>Stores a range within one page.</summary>
    internal void Store(int offset, byte* bytes, int count)
    {
        ref nint page = ref _pages[offset / PageLength];
        if (page == 0)
        {
            if (IsZero(bytes, count))
                return;
            page = (nint)SimulatedMemory.Take(PageLength);
        }
        Buffer.MemoryCopy(bytes, (byte*)page + (offset & (PageLength - 1)), count, count);
    }

    /// <summary>Stores any range.</summary>
    internal void Store(int offset, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* at = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                int count = Math.Min(bytes.Length - done, PageLength - ((offset + done) & (PageLength - 1)));
                Store(offset + done, at + done, count);
                done += count;
            }
        }
    }

    /// <summary>Copies a range within one page out.</summary>
    internal void Load(int offset, byte* to, int count)
    {
        byte* page = (byte*)_pages[offset / PageLength];
        if (page == null)
            new Span<byte>(to, count).Clear();
        else
            Buffer.MemoryCopy(page + (offset & (PageLength - 1)), to, count, count);
    }

    internal void CopyTo(SimulatedPages other)
    {
        for (int i = 0; i < _pages.Length; i++)
        {
            if (_pages[i] != 0)
                other.Store(i * PageLength, (byte*)_pages[i], PageLength);
        }
    }

    internal static bool IsZero(byte* bytes, int count) => !new ReadOnlySpan<byte>(bytes, count).ContainsAnyExcept((byte)0);

    public void Dispose()
    {
        foreach (nint page in _pages)
        {
            if (page != 0)
                SimulatedMemory.Return((byte*)page, PageLength);
        }
        Array.Clear(_pages);
    }
}
