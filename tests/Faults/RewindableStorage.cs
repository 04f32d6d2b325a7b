using LowLatency.Core.Journal;

namespace LowLatency.Tests.Faults;

/// <summary>A journal's folder in memory that is put back to how it was in microseconds: what a recovery did not touch is shared by all of them.</summary>
/// <remarks>One thread. Syncs always succeed: what is tested on it is what recovery makes of given bytes.</remarks>
internal sealed unsafe class RewindableStorage : IJournalStorage
{
    private readonly Dictionary<string, RewindableFile> _image = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RewindableFile> _names = new(StringComparer.Ordinal);
    private readonly List<RewindableFile> _files = [];
    private ulong _nextId = 77;

    public string Location => "/memory";

    public Guid BootId { get; } = new(9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9);

    public long FreeBytes => long.MaxValue;

    public long TotalBytes => long.MaxValue;

    public string? Warning => null;

    internal IReadOnlyDictionary<string, RewindableFile> Names => _names;

    /// <summary>Bytes at the start of each file that can have changed; the rest of it is taken as it is.</summary>
    internal int RewindLength { get; set; } = int.MaxValue;

    /// <summary>Forgets all names; the memory of the files is kept for the next image.</summary>
    internal void Clear()
    {
        _image.Clear();
        _names.Clear();
    }

    /// <summary>A file that is there at the start of every recovery.</summary>
    internal RewindableFile Add(string name, int index, int length)
    {
        while (_files.Count <= index)
            _files.Add(new RewindableFile(length));
        if (_files[index].Length != length)
        {
            _files[index].Dispose();
            _files[index] = new RewindableFile(length);
        }
        RewindableFile file = _files[index];
        _image.Add(name, file);
        _names.Add(name, file);
        return file;
    }

    /// <summary>Everything is again as it was.</summary>
    internal void Rewind()
    {
        foreach (RewindableFile file in _image.Values)
            file.Rewind(Math.Min(file.Length, RewindLength));
        foreach ((string name, RewindableFile file) in _names)
        {
            if (!_image.ContainsValue(file))
                file.Dispose();
        }
        _names.Clear();
        foreach ((string name, RewindableFile file) in _image)
            _names.Add(name, file);
    }

    public ulong NewId() => _nextId++;

    public void Lock()
    {
    }

    public string[] List() => [.. _names.Keys];

    public SegmentFile Create(string name, int length)
    {
        var file = new RewindableFile(length) { IsTouched = true };
        _names.Add(name, file);
        return new RewindableSegmentFile(name, file, isMapped: true);
    }

    public SegmentFile Open(string name, bool readOnly) => new RewindableSegmentFile(name, _names[name], isMapped: false);

    public void Rename(SegmentFile file, string name)
    {
        if (!_names.Remove(file.Name, out RewindableFile? content))
            throw new StorageException(Errno.NoEntry, "Renaming", file.Name, "memory");
        _names.Add(name, content);
        file.Name = name;
    }

    public void Replace(SegmentFile file, string name)
    {
        Delete(name);
        Rename(file, name);
    }

    public void Delete(string name)
    {
        if (_names.Remove(name, out RewindableFile? file) && !_image.ContainsValue(file))
            file.Dispose();
    }

    public void SyncDirectory()
    {
    }

    /// <summary>The end of one run: the files stay, see <see cref="Free"/>.</summary>
    public void Dispose()
    {
    }

    internal void Free()
    {
        Rewind();
        _files.ForEach(file => file.Dispose());
        _files.Clear();
        Clear();
    }
}
