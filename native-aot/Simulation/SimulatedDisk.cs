namespace LowLatency.Server.Simulation;

/// <summary>A disk with a page cache: outlives the runs of a journal on it, and loses what a disk loses.</summary>
/// <remarks>
/// Each file has what the cache shows, what the kernel takes for written, and what the disk has. A sync makes all three the same, block by
/// block of 512 bytes; a failed sync only the first two, as real kernels do. A power cut keeps what the disk has and a seeded random
/// part of the blocks that were to be written. Names of files become durable with a sync of the directory.
/// </remarks>
internal sealed class SimulatedDisk : IDisposable
{
    private readonly List<SimulatedFile> _files = [];
    private readonly List<Action> _pendingNames = [];
    private Dictionary<string, SimulatedFile> _durableNames = new(StringComparer.Ordinal);
    private ulong _nextId = 0x1234_5678_9ABC_DEF1;

    internal Dictionary<string, SimulatedFile> Names { get; private set; } = new(StringComparer.Ordinal);

    internal Guid BootId { get; private set; } = new(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>Bytes that all files together may have.</summary>
    internal long Capacity { get; set; } = long.MaxValue;

    /// <summary>Storage calls made so far.</summary>
    internal int Calls { get; private set; }

    /// <summary>The call of that number throws <see cref="SimulatedCrash"/>, before it does anything.</summary>
    internal int CrashAtCall { get; set; } = -1;

    /// <summary>Called before each storage call does anything.</summary>
    internal Action? BeforeCall { get; set; }

    /// <summary>Called before a part of a file is brought into memory, with its name and the offset. Not 0: the error number.</summary>
    internal Func<string, int, int>? OnLoad { get; set; }

    /// <summary>Called when a file, by its name, is taken out of memory.</summary>
    internal Action<string, int, int>? OnRelease { get; set; }

    /// <summary>Changes of names that are not durable yet.</summary>
    internal int PendingNames => _pendingNames.Count;

    /// <summary>Segment syncs made so far.</summary>
    internal int Syncs { get; set; }

    /// <summary>Bytes that segment syncs have written so far.</summary>
    internal long BytesSynced { get; set; }

    /// <summary>The segment sync of that number fails, and loses what it should have written.</summary>
    internal int FailSync { get; set; } = -1;

    /// <summary>Creating files fails with this error number; 0: does not.</summary>
    internal int CreateError { get; set; }

    internal bool IsLocked { get; set; }

    internal long Used => Names.Values.Sum(file => (long)file.Length);

    /// <summary>One run of a process on this disk.</summary>
    internal SimulatedStorage Start() => new(this);

    /// <summary>The process ends. What it stored stays.</summary>
    internal void Kill()
    {
        IsLocked = false;
        CrashAtCall = -1;
    }

    /// <summary>The power goes, and the machine starts again.</summary>
    internal void PowerCut(Random random)
    {
        Kill();
        // In order, up to a random one: file systems journal their names.
        int kept = random.Next(_pendingNames.Count + 1);
        Names = new Dictionary<string, SimulatedFile>(_durableNames, StringComparer.Ordinal);
        for (int i = 0; i < kept; i++)
            _pendingNames[i]();
        _pendingNames.Clear();
        _durableNames = new Dictionary<string, SimulatedFile>(Names, StringComparer.Ordinal);
        double share = random.Next(4) switch { 0 => 0, 1 => 1, _ => random.NextDouble() };
        foreach (SimulatedFile file in _files)
            file.PowerCut(random, share);
        BootId = new Guid(BootId.GetHashCode() + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /// <summary>The names after a power cut that lets so many of the pending changes through.</summary>
    internal Dictionary<string, SimulatedFile> NamesAfter(int kept)
    {
        Dictionary<string, SimulatedFile> now = Names;
        Names = new Dictionary<string, SimulatedFile>(_durableNames, StringComparer.Ordinal);
        for (int i = 0; i < kept; i++)
            _pendingNames[i]();
        Dictionary<string, SimulatedFile> after = Names;
        Names = now;
        return after;
    }

    internal void Call()
    {
        BeforeCall?.Invoke();
        if (Calls++ == CrashAtCall)
            throw new SimulatedCrash();
    }

    internal ulong NewId() => _nextId = _nextId * 6364136223846793005 + 1442695040888963407;

    internal SimulatedFile Add(string name, int length)
    {
        var file = new SimulatedFile(this, length);
        _files.Add(file);
        Apply(() => Names.Add(name, file));
        return file;
    }

    internal void Rename(string from, string to) => Apply(() =>
    {
        if (Names.Remove(from, out SimulatedFile? file))
            Names[to] = file;
    });

    internal void Remove(string name) => Apply(() => Names.Remove(name));

    internal void SyncNames()
    {
        _pendingNames.Clear();
        _durableNames = new Dictionary<string, SimulatedFile>(Names, StringComparer.Ordinal);
    }

    /// <summary>A second disk with the same content: what is on this one now, cache and disk.</summary>
    internal SimulatedDisk Clone()
    {
        var clone = new SimulatedDisk { BootId = BootId, Capacity = Capacity, _nextId = _nextId };
        var copies = new Dictionary<SimulatedFile, SimulatedFile>();
        foreach (SimulatedFile file in _files)
            clone._files.Add(copies[file] = file.Clone(clone));
        clone.Names = Names.ToDictionary(pair => pair.Key, pair => copies[pair.Value], StringComparer.Ordinal);
        clone._durableNames = clone.Names.ToDictionary(StringComparer.Ordinal);
        return clone;
    }

    public void Dispose()
    {
        foreach (SimulatedFile file in _files)
            file.Dispose();
    }

    private void Apply(Action change)
    {
        change();
        _pendingNames.Add(change);
    }
}
