using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <summary>A <see cref="SimulatedDisk"/> as one run of a journal sees it.</summary>
internal sealed class SimulatedStorage(SimulatedDisk disk) : IJournalStorage
{
    private bool _holdsLock;

    public string Location => "/simulated";

    public Guid BootId => disk.BootId;

    public long FreeBytes => disk.Capacity - disk.Used;

    public long TotalBytes => disk.Capacity;

    public string? Warning => null;

    public ulong NewId() => disk.NewId();

    public void Lock()
    {
        disk.Call();
        if (disk.IsLocked)
            throw new JournalException(JournalError.Locked, "The simulated folder is in use by another broker.");
        disk.IsLocked = _holdsLock = true;
    }

    public string[] List()
    {
        disk.Call();
        return [.. disk.Names.Keys];
    }

    public SegmentFile Create(string name, int length)
    {
        disk.Call();
        int error = disk.CreateError != 0 ? disk.CreateError : FreeBytes < length ? Errno.NoSpace : disk.Names.ContainsKey(name) ? Errno.Exists : 0;
        if (error != 0)
            throw new StorageException(error, "Creation", name, "simulated");
        var file = new SimulatedSegmentFile(disk, name, disk.Add(name, length));
        file.Map(length);
        return file;
    }

    public SegmentFile Open(string name, bool readOnly)
    {
        disk.Call();
        return disk.Names.TryGetValue(name, out SimulatedFile? file)
            ? new SimulatedSegmentFile(disk, name, file)
            : throw new StorageException(Errno.NoEntry, "Opening", name, "simulated");
    }

    public void Rename(SegmentFile file, string name)
    {
        disk.Call();
        if (disk.Names.ContainsKey(name))
            throw new InvalidOperationException($"{name} is there already.");
        disk.Rename(file.Name, name);
        file.Name = name;
    }

    public void Replace(SegmentFile file, string name)
    {
        disk.Call();
        if (!disk.Names.ContainsKey(name))
            throw new InvalidOperationException($"There is no {name}.");
        disk.Rename(file.Name, name);
        file.Name = name;
    }

    public void Delete(string name)
    {
        disk.Call();
        disk.Remove(name);
    }

    public void SyncDirectory()
    {
        disk.Call();
        disk.SyncNames();
    }

    public void Dispose()
    {
        if (_holdsLock)
            disk.IsLocked = false;
        _holdsLock = false;
    }
}

/// <summary>A file of a <see cref="SimulatedStorage"/>.</summary>
internal sealed unsafe class SimulatedSegmentFile(SimulatedDisk disk, string name, SimulatedFile file) : SegmentFile(name)
{
    private bool _isMapped;

    internal override byte* Memory => _isMapped ? file.Cache : null;

    internal override long FileLength => file.Length;

    internal override void Map(int length)
    {
        disk.Call();
        if (length != file.Length)
            throw new InvalidOperationException("A simulated file cannot grow.");
        _isMapped = true;
    }

    internal override int Sync() => file.Sync();

    internal override int Sync(int offset, int length) => file.Sync(offset, length);

    internal override int WriteThrough(int offset, byte* data, int length) => file.WriteThrough(offset, new ReadOnlySpan<byte>(data, length));

    internal override int Populate(int offset, int length, bool writeOut) => 0;

    internal override int Load(int offset, int length)
    {
        int error = disk.OnLoad?.Invoke(Name, offset) ?? 0;
        if (error == 0 && file.Unreadable is { } bad && offset < bad.Offset + bad.Length && bad.Offset < offset + length)
            return Errno.InputOutput;
        return error;
    }

    internal override void Release(int offset, int length) => disk.OnRelease?.Invoke(Name, offset, length);

    internal override int Read(long offset, byte* buffer, int length)
    {
        if (file.Unreadable is { } bad && offset < bad.Offset + bad.Length && bad.Offset < offset + length)
            return -Errno.InputOutput;
        int count = (int)Math.Max(0, Math.Min(length, file.Length - offset));
        new ReadOnlySpan<byte>(file.Cache + offset, count).CopyTo(new Span<byte>(buffer, count));
        return count;
    }

    internal override void DropCache(long offset, long length) => file.DropCache();

    protected override void Dispose(bool disposing) => _isMapped = false;
}
