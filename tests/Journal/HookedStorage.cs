using LowLatency.Core.Journal;

namespace LowLatency.Tests.Journals;

/// <summary>A storage for a reader, which calls something before each read of a file.</summary>
internal sealed class HookedStorage(IJournalStorage storage, Action beforeRead) : IJournalStorage
{
    public string Location => storage.Location;

    public Guid BootId => storage.BootId;

    public long FreeBytes => storage.FreeBytes;

    public long TotalBytes => storage.TotalBytes;

    public string? Warning => storage.Warning;

    public ulong NewId() => throw new NotSupportedException();

    public void Lock() => throw new NotSupportedException();

    public string[] List() => storage.List();

    public SegmentFile Create(string name, int length) => throw new NotSupportedException();

    public SegmentFile Open(string name, bool readOnly) => readOnly ? new HookedFile(storage.Open(name, readOnly), beforeRead) : throw new NotSupportedException();

    public void Rename(SegmentFile file, string name) => throw new NotSupportedException();

    public void Replace(SegmentFile file, string name) => throw new NotSupportedException();

    public void Delete(string name) => throw new NotSupportedException();

    public void SyncDirectory() => throw new NotSupportedException();

    public void Dispose() => storage.Dispose();

    private sealed unsafe class HookedFile(SegmentFile file, Action beforeRead) : SegmentFile(file.Name)
    {
        internal override byte* Memory => throw new NotSupportedException();

        internal override long FileLength => file.FileLength;

        internal override void Map(int length) => throw new NotSupportedException();

        internal override int Sync() => throw new NotSupportedException();

        internal override int Sync(int offset, int length) => throw new NotSupportedException();

        internal override int WriteThrough(int offset, byte* data, int length) => throw new NotSupportedException();

        internal override int Populate(int offset, int length, bool writeOut) => throw new NotSupportedException();

        internal override int Read(long offset, byte* buffer, int length)
        {
            beforeRead();
            return file.Read(offset, buffer, length);
        }

        internal override void DropCache(long offset, long length) => throw new NotSupportedException();

        protected override void Dispose(bool disposing) => file.Dispose();
    }
}
