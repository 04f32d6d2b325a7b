using LowLatency.Core.Agents;

namespace LowLatency.Core.Journal;

/// <summary>A durable <see cref="RecordLog"/> in a folder: opening and recovery, group commit, retirement of segments.</summary>
/// <remarks>The engine thread owns it, save where a member says otherwise. Flusher and preparer run on threads of their own, or are stepped.</remarks>
internal sealed unsafe class Journal : IDisposable
{
    /// <summary>With more than so many segments that are needed and not durable a sync is due, though nobody waits for it.</summary>
    private const int MaxUnsyncedSegments = 4;

    private readonly IJournalStorage _storage;
    private readonly FileSegmentSource _source;
    private readonly Guid _bootId;
    private bool _canRetire;
    private long _lastMarker;
    private long _lastMarkerEnd;
    private long _lastMarkerDurable;
    private bool _isDisposed;

    private Journal(IJournalStorage storage, JournalOptions options, RecoveredLog recovered)
    {
        _storage = storage;
        _source = recovered.Source;
        _bootId = storage.BootId;
        Log = recovered.Log;
        Readers = options.Readers ?? new ReaderRegistry();
        Flusher = new FlusherAgent(Log, Log.Tail);
        _source.Attach(Flusher);
        Preparer = new PreparerAgent("preparer", Log, _source, Readers)
        {
            Compressor = options.Compression == null ? null : new SegmentCompressor(Log, _source, storage, options.Compression, Readers),
        };
        Epoch = recovered.Report.Epoch;
        JournalId = recovered.Report.JournalId;
        BrokerId = recovered.Report.BrokerId;
        WasClean = recovered.Report.WasClean;
        SameBoot = recovered.Report.SameBoot;
        Log.Owner = this;
    }

    internal RecordLog Log { get; }

    internal FlusherAgent Flusher { get; }

    internal PreparerAgent Preparer { get; }

    /// <summary>The threads that read records in place.</summary>
    internal ReaderRegistry Readers { get; }

    /// <summary>Number of this run; stands in its records.</summary>
    internal uint Epoch { get; }

    /// <summary>Part of every CRC. Not for the outside: see <see cref="SegmentHeader.BrokerId"/>.</summary>
    internal ulong JournalId { get; }

    /// <summary>The journal's name to the outside: random, kept for the life of the journal.</summary>
    internal ulong BrokerId { get; }

    /// <summary>The run before stopped in order.</summary>
    internal bool WasClean { get; }

    /// <summary>The machine was not restarted since the run before.</summary>
    internal bool SameBoot { get; }

    /// <summary>Everything below is on disk. Any thread.</summary>
    internal long DurablePosition => Flusher.DurablePosition;

    /// <summary>A sync was asked for and has not returned. Engine thread.</summary>
    internal bool FlushInFlight => Flusher.RequestedPosition > Flusher.DurablePosition && State != JournalState.Failed;

    /// <summary>Any thread.</summary>
    internal JournalState State => Log.State;

    /// <summary>The room on the disk; null while there was always enough. Any thread.</summary>
    internal DiskSpace? Space => _source.Space;

    /// <summary>Why <see cref="State"/> is not open. Any thread.</summary>
    internal string FailureText => Log.FailureText;

    /// <summary>Woken when more became durable, the journal failed, or a segment became ready where there was none. Set before the first record.</summary>
    internal WakeSignal? OnDurableAdvanced
    {
        get => Flusher.OnDurableAdvanced;
        set => Flusher.OnDurableAdvanced = Log.OnSpace = value;
    }

    /// <summary>Takes the folder, feeds every record to the visitor, makes what was found durable, and opens the journal after it.</summary>
    /// <param name="storage">The journal's from here on, also when this throws.</param>
    /// <param name="options">Sizes and limits.</param>
    /// <param name="visitor">Sees every valid record from the first segment on.</param>
    /// <param name="report">What was found.</param>
    /// <exception cref="JournalException">It could not be opened. Nothing that was durable has changed.</exception>
    internal static Journal Open<TVisitor>(IJournalStorage storage, JournalOptions options, ref TVisitor visitor, out RecoveryReport report)
        where TVisitor : IRecoveryVisitor
    {
        try
        {
            options.Check();
            RecoveredLog recovered = JournalRecovery.Run(storage, options, ref visitor);
            report = recovered.Report;
            return new Journal(storage, options, recovered);
        }
        catch (StorageException error)
        {
            storage.Dispose();
            JournalError code = error.IsNoSpace ? JournalError.DiskFull
                : error.IsNoPermission ? JournalError.NoPermission
                : JournalError.StorageFailed;
            string advice = code switch
            {
                JournalError.DiskFull => "Free some space, then start again.",
                JournalError.NoPermission when error.ErrorNumber == Errno.ReadOnly => "Mount the file system for writing.",
                JournalError.NoPermission => "Give this process's user read and write permission there.",
                _ => "Check the disk, then start again.",
            };
            throw new JournalException(code, $"{error.Message} {advice}", error);
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    /// <summary>A section for one more thread that reads records in place. Any thread; cold.</summary>
    internal ReaderSection RegisterReader() => Readers.Register();

    /// <summary>From here on segments without live messages are retired. Call it when every live message that recovery found has its reference.</summary>
    internal void EnableRetirement()
    {
        _canRetire = true;
        Log.EndOpening();
        Log.LookForEmptySegments(); // What an earlier run left without a live message.
    }

    /// <summary>Asks for everything appended so far to be made durable.</summary>
    /// <returns>The position to wait for: durable when <see cref="DurablePosition"/> is at or above it.</returns>
    /// <remarks>Never blocks. Appends a marker with the durable position known now. While a sync runs (<see cref="FlushInFlight"/>) it is
    /// better to gather and ask once after it.</remarks>
    internal long RequestFlush()
    {
        if (!RetireFree())
            AppendMarker(MarkerFlags.None);
        long tail = Log.Tail;
        Flusher.Request(tail);
        return tail;
    }

    /// <summary>Retires segments that became free, when there are any. Cheap when not: once per duty cycle is fine.</summary>
    /// <returns>Whether something was retired.</returns>
    internal bool Maintain()
    {
        if (!RetireFree())
            return false;
        Flusher.Request(Log.Tail);
        return true;
    }

    /// <summary>After a second without work: a marker that says that everything before it is durable, so that damage to it can be told from a torn tail.</summary>
    /// <returns>Whether one was needed.</returns>
    internal bool RequestIdleMarker()
    {
        if (Log.Tail == _lastMarkerEnd && _lastMarkerDurable >= _lastMarker)
            return false;
        RequestFlush();
        return true;
    }

    /// <summary>Makes everything durable and marks the end as one in order. Flusher and preparer have ended.</summary>
    /// <returns><c>false</c>: the journal had failed, or failed now.</returns>
    internal bool CloseClean()
    {
        RequestFlush();
        Flusher.DoWork();
        if (!AppendMarker(MarkerFlags.Clean))
        {
            Preparer.DoWork();
            AppendMarker(MarkerFlags.Clean);
        }
        Flusher.Request(Log.Tail);
        Flusher.DoWork();
        return DurablePosition == Log.Tail;
    }

    /// <summary>Unmaps and closes everything and gives up the folder. Writes nothing. All other threads have ended.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        Log.DisposeSegments();
        Preparer.DisposeSegments();
        _source.DisposeSpares();
        _storage.Dispose();
    }

    /// <summary>Called by the log when it has rolled.</summary>
    /// <remarks>No sync yet. Where nobody waits for one, the segment before may be free soon, and then it never has to be written: with consumers
    /// that keep up, messages at level process cost no disk writes.</remarks>
    internal void AfterRoll()
    {
        // A marker near the start of each segment, so that recovery need not look far.
        AppendMarker(MarkerFlags.None);
        if (Flusher.UnsyncedBytes > MaxUnsyncedSegments * (long)Log.SegmentSize)
            Flusher.Request(Log.Tail);
    }

    /// <summary>Fills the body of a marker.</summary>
    internal static void WriteMarker(byte* body, long durable, long oldestSegment, MarkerFlags flags, Guid bootId)
    {
        *(long*)(body + MarkerLayout.DurablePosition) = durable;
        *(uint*)(body + MarkerLayout.OldestSegment) = (uint)oldestSegment;
        *(uint*)(body + MarkerLayout.Flags) = (uint)flags;
        *(Guid*)(body + MarkerLayout.BootId) = bootId;
    }

    private bool RetireFree()
    {
        if (!_canRetire || !Log.HasEmptySegment)
            return false;
        long oldest = Log.FindOldestNeeded(DurablePosition);
        // The marker first: once it is durable, recovery knows that the files before are not missing.
        if (oldest == Log.OldestIndex || !AppendMarker(MarkerFlags.None, oldest))
            return false;
        Flusher.Skip(oldest * Log.SegmentSize);
        Log.RetireBefore(oldest, Log.Tail);
        return true;
    }

    private bool AppendMarker(MarkerFlags flags, long oldestSegment = -1)
    {
        long durable = DurablePosition;
        Segment? active = Log.Active;
        Log.MayUseLast = oldestSegment >= 0 || flags == MarkerFlags.Clean;
        byte* body = Log.TryClaim(RecordType.Marker, 0, MarkerLayout.BodyLength, out long position, out _);
        Log.MayUseLast = false;
        // A marker that names the segment of a snapshot which is not durable yet must follow that snapshot in its segment.
        if (body == null || (oldestSegment >= 0 && Log.Active != active))
            return false;
        // After the claim, which may have rolled and retired.
        WriteMarker(body, durable, Math.Max(oldestSegment, Log.OldestIndex), flags, _bootId);
        Log.Commit();
        _lastMarker = position;
        _lastMarkerEnd = Log.Tail;
        _lastMarkerDurable = durable;
        return true;
    }
}
