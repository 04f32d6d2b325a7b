using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace LowLatency.Core.Journal;

/// <summary>A journal's folder on a Linux file system, its files under <c>mmap</c>.</summary>
internal sealed unsafe class MappedJournalStorage : IJournalStorage
{
    private const int FileMode = 0b110_000_000; // Messages are nobody else's business.
    private const long BtrfsType = 0x9123683E;
    private const long NfsType = 0x6969;
    private const long SmbType = 0x517B;
    private const long Smb2Type = 0xFE534D42;
    private const long FuseType = 0x65735546;
    private const long ZfsType = 0x2FC12FC1;
    private const long TmpfsType = 0x01021994;

    private readonly string _directory;
    private readonly int _directoryFile;
    private int _lockFile = -1;
    private bool _isClosed;

    /// <param name="directory">Must be there.</param>
    /// <exception cref="JournalException">The folder is missing or not accessible.</exception>
    internal MappedJournalStorage(string directory)
    {
        _directory = Path.GetFullPath(directory);
        _directoryFile = NativeFile.Open(_directory, NativeFile.ReadOnlyAccess | NativeFile.CloseOnExecFlag, 0);
        if (_directoryFile < 0)
            throw FolderFailure(NativeFile.LastError);
        if (!Directory.Exists(_directory))
        {
            _ = NativeFile.Close(_directoryFile);
            throw FolderFailure(Errno.NotDirectory);
        }
    }

    public string Location => _directory;

    public Guid BootId { get; } = ReadBootId();

    public long FreeBytes
    {
        get
        {
            FileSystemInfo info = Status();
            return info.AvailableBlocks * info.BlockSize;
        }
    }

    public long TotalBytes
    {
        get
        {
            FileSystemInfo info = Status();
            return info.Blocks * info.BlockSize;
        }
    }

    public string? Warning => Status().Type switch
    {
        BtrfsType or ZfsType => $"{_directory} is on a copy-on-write file system, where storing over a file takes new blocks: a full disk can end the broker. Use ext4 or xfs.",
        NfsType or SmbType or Smb2Type or FuseType => $"{_directory} is on a network or user-space file system: what a flush promises there is not known. Use a local ext4 or xfs.",
        TmpfsType => $"{_directory} is in memory (tmpfs): nothing in it survives a restart of the machine.",
        _ => null,
    };

    public ulong NewId()
    {
        ulong id;
        do
            RandomNumberGenerator.Fill(new Span<byte>(&id, sizeof(ulong)));
        while (id == 0);
        return id;
    }

    public void Lock()
    {
        string path = Path.Combine(_directory, JournalFiles.Lock);
        const int flags = NativeFile.ReadWriteAccess | NativeFile.CreateFlag | NativeFile.CloseOnExecFlag;
        int file = NativeFile.Open(path, flags, FileMode);
        if (file < 0)
            throw FolderFailure(NativeFile.LastError);
        if (NativeFile.Lock(file, NativeFile.LockExclusive | NativeFile.LockNonBlocking) != 0)
        {
            int error = NativeFile.LastError;
            string holder = ReadHolder(file);
            _ = NativeFile.Close(file);
            if (error != Errno.Again)
                throw FolderFailure(error);
            throw new JournalException(JournalError.Locked, $"{_directory} is in use by another broker{holder}. Stop that one, or give this one a folder of its own.");
        }
        Span<byte> text = stackalloc byte[16];
        Environment.ProcessId.TryFormat(text, out int length, provider: CultureInfo.InvariantCulture);
        _ = NativeFile.SetLength(file, 0); // Only to name the holder: failing costs nothing.
        fixed (byte* start = text)
            _ = NativeFile.Write(file, start, (nuint)length, 0);
        _lockFile = file;
    }

    /// <summary>What the lock's file says of who holds it, or held it last, without touching the lock; empty when nothing is known.</summary>
    internal string ReadLockText()
    {
        // Not by the runtime's file streams: they take the lock themselves for a moment, and a broker that starts just then must get it.
        int file = NativeFile.Open(Path.Combine(_directory, JournalFiles.Lock), NativeFile.ReadOnlyAccess | NativeFile.CloseOnExecFlag, 0);
        if (file < 0)
            return "";
        string text = ReadText(file);
        _ = NativeFile.Close(file);
        return text;
    }

    public string[] List()
    {
        try
        {
            return Array.ConvertAll(Directory.GetFileSystemEntries(_directory), path => Path.GetFileName(path)!);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            int number = error is IOException ? Errno.InputOutput : Errno.AccessDenied;
            throw new StorageException(number, "Listing", _directory, error.Message);
        }
    }

    public SegmentFile Create(string name, int length)
    {
        string path = Path.Combine(_directory, name);
        const int flags = NativeFile.ReadWriteAccess | NativeFile.CreateFlag | NativeFile.ExclusiveFlag | NativeFile.CloseOnExecFlag;
        int handle = NativeFile.Open(path, flags, FileMode);
        if (handle < 0)
            throw NativeFile.Failure("Creation", path);
        var file = new MappedSegmentFile(_directory, name, handle);
        try
        {
            file.Map(length);
            return file;
        }
        catch
        {
            // A failed reservation keeps the blocks that it got.
            file.Dispose();
            _ = NativeFile.Unlink(path);
            throw;
        }
    }

    public SegmentFile Open(string name, bool readOnly)
    {
        string path = Path.Combine(_directory, name);
        int access = readOnly ? NativeFile.ReadOnlyAccess : NativeFile.ReadWriteAccess;
        int handle = NativeFile.Open(path, access | NativeFile.CloseOnExecFlag, 0);
        return handle >= 0 ? new MappedSegmentFile(_directory, name, handle) : throw NativeFile.Failure("Opening", path);
    }

    public void Rename(SegmentFile file, string name)
    {
        if (NativeFile.Rename(Path.Combine(_directory, file.Name), Path.Combine(_directory, name)) != 0)
            throw NativeFile.Failure("Renaming", Path.Combine(_directory, file.Name));
        file.Name = name;
    }

    public void Replace(SegmentFile file, string name) => Rename(file, name);

    public void Delete(string name)
    {
        if (NativeFile.Unlink(Path.Combine(_directory, name)) != 0)
            throw NativeFile.Failure("Removal", Path.Combine(_directory, name));
    }

    public void SyncDirectory()
    {
        if (NativeFile.SyncAll(_directoryFile) != 0)
            throw NativeFile.Failure("Sync", _directory);
    }

    public void Dispose()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        if (_lockFile >= 0)
            _ = NativeFile.Close(_lockFile); // Gives up the lock.
        _ = NativeFile.Close(_directoryFile);
    }

    private FileSystemInfo Status()
    {
        FileSystemInfo info;
        return NativeFile.FileSystemStatus(_directoryFile, &info) == 0 ? info : throw NativeFile.Failure("Asking for the free space", _directory);
    }

    private static Guid ReadBootId() =>
        Guid.TryParse(File.ReadAllText("/proc/sys/kernel/random/boot_id").AsSpan().Trim(), out Guid id) ? id : Guid.Empty;

    private static string ReadHolder(int file) => ReadText(file) is { Length: > 0 } process ? $" (process {process})" : "";

    private static string ReadText(int file)
    {
        byte* buffer = stackalloc byte[16];
        nint length = NativeFile.Read(file, buffer, 16, 0);
        return length > 0 ? Encoding.ASCII.GetString(buffer, (int)length) : "";
    }

    private JournalException FolderFailure(int error) => error switch
    {
        Errno.NoEntry => new JournalException(JournalError.FolderMissing, $"The data folder {_directory} does not exist. Create it, or name another one."),
        Errno.ReadOnly => new JournalException(
            JournalError.NoPermission, $"The data folder {_directory} is on a file system that is mounted read-only. Mount it for writing, or name another folder. 'lowlatency journal verify' can read it as it is."),
        Errno.NotDirectory => new JournalException(JournalError.FolderMissing, $"{_directory} is not a folder. Name a folder for the data."),
        Errno.AccessDenied or Errno.NotPermitted => new JournalException(
            JournalError.NoPermission, $"This process may not write in the data folder {_directory}: {Marshal.GetPInvokeErrorMessage(error)}. Give its user read and write permission there."),
        Errno.NoSpace or Errno.QuotaExceeded => new JournalException(JournalError.DiskFull, $"No space for a file in {_directory}. Free some, or name a folder on another disk."),
        _ => new JournalException(JournalError.StorageFailed, $"The data folder {_directory} cannot be used: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
    };
}
