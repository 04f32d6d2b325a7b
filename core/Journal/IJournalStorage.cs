namespace LowLatency.Core.Journal;

/// <summary>The folder of a journal: cold calls only. Mapped files, or a simulation of them.</summary>
/// <remarks>
/// Segments show their memory, so that appending is the same code over every storage. Calls come from the opening thread, then from the
/// preparer; syncs of segments from the flusher. Calls throw <see cref="StorageException"/>; a lock that is held,
/// <see cref="JournalException"/>.
/// </remarks>
internal interface IJournalStorage : IDisposable
{
    /// <summary>Where it is, for messages.</summary>
    string Location { get; }

    /// <summary>Differs after every restart of the machine: what was in the page cache before is lost or on disk.</summary>
    Guid BootId { get; }

    /// <summary>Bytes that new files may take.</summary>
    long FreeBytes { get; }

    /// <summary>Bytes of the whole file system.</summary>
    long TotalBytes { get; }

    /// <summary>What an operator should know about this storage; <c>null</c> when there is nothing.</summary>
    string? Warning { get; }

    /// <summary>A number that no other journal has.</summary>
    ulong NewId();

    /// <summary>Takes the folder for this process until it is disposed of.</summary>
    /// <exception cref="JournalException"><see cref="JournalError.Locked"/>: another broker has it.</exception>
    void Lock();

    /// <summary>Names of all files in the folder, in any order.</summary>
    string[] List();

    /// <summary>Makes a file of that length with real blocks under every byte, mapped. Leaves no file behind when it fails.</summary>
    SegmentFile Create(string name, int length);

    /// <summary>Opens a file that is there, not mapped yet.</summary>
    SegmentFile Open(string name, bool readOnly);

    /// <summary>Gives an open file another name, which no file has. Durable after <see cref="SyncDirectory"/>.</summary>
    void Rename(SegmentFile file, string name);

    /// <summary>Gives an open file the name of another, which has none from then on: after a crash the name is the one's or the other's. Durable after <see cref="SyncDirectory"/>.</summary>
    void Replace(SegmentFile file, string name);

    /// <summary>Removes a file. Durable after <see cref="SyncDirectory"/>.</summary>
    void Delete(string name);

    /// <summary>Makes names durable: those created, renamed and removed before.</summary>
    void SyncDirectory();
}
