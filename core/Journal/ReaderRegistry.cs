namespace LowLatency.Core.Journal;

/// <summary>The threads that read records in place. Shared by the logs that they read.</summary>
internal sealed class ReaderRegistry
{
    private readonly Lock _lock = new();
    private ReaderSection[] _sections = [];

    /// <summary>A section for one more reading thread. Any thread; cold.</summary>
    internal ReaderSection Register()
    {
        var section = new ReaderSection(this);
        lock (_lock)
            Volatile.Write(ref _sections, [.. _sections, section]);
        return section;
    }

    internal void Remove(ReaderSection section)
    {
        lock (_lock)
            Volatile.Write(ref _sections, Array.FindAll(_sections, s => s != section));
    }

    internal ReaderSection[] Sections => Volatile.Read(ref _sections);
}

/// <summary>Where every reader was at one moment; passed when none of them is still in the section it was in then.</summary>
internal struct ReaderTicket
{
    private ReaderSection[]? _sections;
    private long[]? _counters;

    internal void Clear() => _sections = null;

    /// <summary>Whether no reader can see any longer what was out of reach before the first call.</summary>
    internal bool HasPassed(ReaderRegistry registry)
    {
        if (_sections == null)
        {
            Interlocked.MemoryBarrier(); // Pairs with the exchange in ReaderSection.Enter.
            _sections = registry.Sections;
            if (_counters == null || _counters.Length < _sections.Length)
                _counters = new long[_sections.Length];
            for (int i = 0; i < _sections.Length; i++)
                _counters[i] = _sections[i].Counter;
        }
        for (int i = 0; i < _sections.Length; i++)
        {
            if ((_counters![i] & 1) != 0 && _sections[i].Counter == _counters[i])
                return false;
        }
        return true;
    }
}
