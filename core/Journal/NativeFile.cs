using System.Runtime.InteropServices;

namespace LowLatency.Core.Journal;

/// <summary>The system calls of the journal. Linux. The managed sync calls hide errors, so these are our own.</summary>
internal static unsafe partial class NativeFile
{
    internal const int ReadOnlyAccess = 0;
    internal const int ReadWriteAccess = 2;
    internal const int CreateFlag = 0x40;
    internal const int ExclusiveFlag = 0x80;
    internal const int CloseOnExecFlag = 0x80000;

    internal const int ProtectionReadWrite = 3;
    internal const int MapShared = 1;
    internal const int MapPrivateAnonymous = 0x22;
    internal const int AdviceHugePages = 14;
    internal const int AdviceWillNeed = 3;
    internal const int AdviceDontNeed = 4;
    internal const int AdvicePopulateRead = 22;
    internal const int AdvicePopulateWrite = 23;
    internal const int FileAdviceDontNeed = 4;
    internal const int WriteDataSync = 2;
    internal const int SyncAndWait = 4;
    internal const int SyncWaitBefore = 1;
    internal const int SyncWrite = 2;
    internal const int SyncWaitAfter = 4;
    internal const int LockExclusive = 2;
    internal const int LockNonBlocking = 4;

    private const string C = "libc";

    [LibraryImport(C, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags, int mode);

    [LibraryImport(C, EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int file);

    [LibraryImport(C, EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Allocate(int file, int mode, long offset, long length);

    [LibraryImport(C, EntryPoint = "mmap", SetLastError = true)]
    internal static partial void* Map(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport(C, EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Unmap(void* address, nuint length);

    [LibraryImport(C, EntryPoint = "madvise", SetLastError = true)]
    internal static partial int AdviseMemory(void* address, nuint length, int advice);

    [LibraryImport(C, EntryPoint = "posix_fadvise")]
    internal static partial int AdviseFile(int file, long offset, long length, int advice);

    [LibraryImport(C, EntryPoint = "fdatasync", SetLastError = true)]
    internal static partial int SyncData(int file);

    [LibraryImport(C, EntryPoint = "msync", SetLastError = true)]
    internal static partial int SyncMemory(void* address, nuint length, int flags);

    [LibraryImport(C, EntryPoint = "fsync", SetLastError = true)]
    internal static partial int SyncAll(int file);

    [LibraryImport(C, EntryPoint = "sync_file_range", SetLastError = true)]
    internal static partial int SyncRange(int file, long offset, long length, uint flags);

    [LibraryImport(C, EntryPoint = "pread", SetLastError = true)]
    internal static partial nint Read(int file, void* buffer, nuint length, long offset);

    [LibraryImport(C, EntryPoint = "pwrite", SetLastError = true)]
    internal static partial nint Write(int file, void* buffer, nuint length, long offset);

    [LibraryImport(C, EntryPoint = "pwritev2", SetLastError = true)]
    internal static partial nint WriteWithFlags(int file, IoVector* vectors, int count, long offset, int flags);

    [LibraryImport(C, EntryPoint = "lseek", SetLastError = true)]
    internal static partial long Seek(int file, long offset, int whence);

    [LibraryImport(C, EntryPoint = "ftruncate", SetLastError = true)]
    internal static partial int SetLength(int file, long length);

    [LibraryImport(C, EntryPoint = "flock", SetLastError = true)]
    internal static partial int Lock(int file, int operation);

    [LibraryImport(C, EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Rename(string from, string to);

    [LibraryImport(C, EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Unlink(string path);

    [LibraryImport(C, EntryPoint = "fstatfs", SetLastError = true)]
    internal static partial int FileSystemStatus(int file, FileSystemInfo* info);

    /// <summary>The error number of this thread's last failed call.</summary>
    internal static int LastError => Marshal.GetLastPInvokeError();

    internal static StorageException Failure(string operation, string path) => Failure(LastError, operation, path);

    internal static StorageException Failure(int error, string operation, string path) =>
        new(error, operation, path, Marshal.GetPInvokeErrorMessage(error));
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    internal byte* Start;
    internal nuint Length;
}

/// <summary>struct statfs of 64-bit Linux: the fields up to the available blocks.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileSystemInfo
{
    [FieldOffset(0)] internal long Type;
    [FieldOffset(8)] internal long BlockSize;
    [FieldOffset(16)] internal long Blocks;
    [FieldOffset(32)] internal long AvailableBlocks;
}
