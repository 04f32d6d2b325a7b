namespace LowLatency.Core.Journal;

/// <summary>A call on the journal's folder or files failed.</summary>
internal sealed class StorageException : Exception
{
    internal StorageException(int errorNumber, string operation, string path, string reason)
        : base($"{operation} of {path} failed: {reason} (errno {errorNumber}).")
    {
        ErrorNumber = errorNumber;
        Path = path;
    }

    /// <summary>As in errno of the system call.</summary>
    internal int ErrorNumber { get; }

    internal string Path { get; }

    internal bool IsNoPermission => ErrorNumber is Errno.AccessDenied or Errno.NotPermitted or Errno.ReadOnly;

    /// <summary>Disk, quota or file size limit.</summary>
    internal bool IsNoSpace => ErrorNumber is Errno.NoSpace or Errno.QuotaExceeded or Errno.FileTooBig;
}

/// <summary>The error numbers that the journal tells apart. Linux; the same on x64 and arm64.</summary>
internal static class Errno
{
    internal const int NotPermitted = 1;
    internal const int NoEntry = 2;
    internal const int Interrupted = 4;
    internal const int InputOutput = 5;
    internal const int Again = 11;
    internal const int AccessDenied = 13;
    internal const int Exists = 17;
    internal const int NotDirectory = 20;
    internal const int Invalid = 22;
    internal const int FileTooBig = 27;
    internal const int NoSpace = 28;
    internal const int ReadOnly = 30;
    internal const int NoSuchCall = 38;
    internal const int BadMessage = 74;
    internal const int NotSupported = 95;
    internal const int QuotaExceeded = 122;
}
