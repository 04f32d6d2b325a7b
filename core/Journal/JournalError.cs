namespace LowLatency.Core.Journal;

/// <summary>Why a journal could not be opened.</summary>
internal enum JournalError
{
    /// <summary>A newer broker wrote it.</summary>
    FormatTooNew = 1,

    /// <summary>Something that was durable is not as it was written.</summary>
    Damaged,

    /// <summary>A segment that is needed is not there.</summary>
    MissingSegment,

    /// <summary>A segment of another journal lies in the folder.</summary>
    ForeignSegment,

    /// <summary>Another broker has the folder.</summary>
    Locked,

    FolderMissing,

    NoPermission,

    DiskFull,

    /// <summary>The system refused a call: see the text.</summary>
    StorageFailed,

    /// <summary>An option is outside its range.</summary>
    InvalidOption,

    /// <summary>Segments are compressed, and this machine has no library to read them.</summary>
    LibraryMissing,
}
