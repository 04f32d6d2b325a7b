using System.Diagnostics;

namespace LowLatency.Core.Journal;

/// <summary>Opens a journal: the steps of docs/journal.md, in their order. May be cut off at any point and run again.</summary>
internal static unsafe class JournalRecovery
{
    /// <exception cref="JournalException">Nothing that was durable has changed.</exception>
    /// <exception cref="StorageException">As above.</exception>
    internal static RecoveredLog Run<TVisitor>(IJournalStorage storage, JournalOptions options, ref TVisitor visitor)
        where TVisitor : IRecoveryVisitor
    {
        long started = Stopwatch.GetTimestamp();
        storage.Lock();
        JournalFolder folder = JournalFolder.Read(storage, readOnly: false);
        RecoveredLog? opened = null;
        try
        {
            opened = folder.Identity == null ? Create(folder, options) : Continue(folder, options, ref visitor);
        }
        finally
        {
            if (opened == null)
                folder.Dispose();
        }
        var warnings = new List<string>(opened.Report.Warnings);
        if (storage.Warning is { } warning)
            warnings.Add(warning);
        RecoveryReport report = opened.Report with
        {
            UnknownFiles = folder.UnknownFiles,
            Warnings = warnings,
            ElapsedMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds,
        };
        return opened with { Report = report };
    }

    /// <summary>A new journal: segment 0 with an opening marker.</summary>
    private static RecoveredLog Create(JournalFolder folder, JournalOptions options)
    {
        IJournalStorage storage = folder.Storage;
        foreach (FoundSegment segment in folder.Segments)
            MoveAsideUnwritten(folder, segment);
        folder.Segments.Clear();
        var identity = new SegmentHeader
        {
            JournalId = storage.NewId(),
            BrokerId = storage.NewId(),
            Size = options.SegmentSize,
            Epoch = 1,
        };
        var source = new FileSegmentSource(storage, identity, options);
        foreach ((string name, long number) in folder.Spares)
            source.AddFound(name, number);
        Segment first = source.TryPrepare(0, out string failure)
            ?? throw new JournalException(JournalError.DiskFull, $"There is no room for a journal. {failure}");
        var log = new RecordLog(identity.Size, SegmentLayout.HeaderLength, Reserve(options, identity.Size), identity.Epoch, isTransient: false);
        log.LimitMemory(options.HotSegments(identity.Size), options.ColdSegments(identity.Size));
        log.Start(first, SegmentLayout.HeaderLength);
        AppendOpeningMarker(log, storage.BootId);
        Sync(first, storage);
        return new RecoveredLog(log, source, new RecoveryReport
        {
            IsNew = true,
            TailPosition = log.Tail,
            Epoch = identity.Epoch,
            JournalId = identity.JournalId,
            BrokerId = identity.BrokerId,
            WasClean = true,
            SameBoot = true,
        });
    }

    /// <summary>Only a file that was never written may lie in the folder of a new journal.</summary>
    private static void MoveAsideUnwritten(JournalFolder folder, FoundSegment segment)
    {
        if (segment.Status != HeaderStatus.Empty)
        {
            folder.Dispose();
            throw new JournalException(
                JournalError.Damaged,
                $"{segment.File.Name} in {folder.Storage.Location} has no readable header, nor has any other segment there. Nothing was changed. Restore the files from a copy, or move them away to start with an empty journal.")
            {
                FileName = segment.File.Name,
                Position = segment.Id * SegmentLayout.MinSize,
            };
        }
        folder.Storage.Rename(segment.File, AsideName(folder, segment.File.Name));
        folder.Storage.SyncDirectory();
        segment.File.Dispose();
    }

    private static RecoveredLog Continue<TVisitor>(JournalFolder folder, JournalOptions options, ref TVisitor visitor)
        where TVisitor : IRecoveryVisitor
    {
        IJournalStorage storage = folder.Storage;
        SegmentHeader identity = folder.Identity!.Value;
        JournalScan scan;
        using (var scanner = new SegmentScanner(identity.JournalId, identity.Size))
        {
            scan = new JournalScan(folder, scanner);
            scan.FindNewestMarker();
            scan.Run(ref visitor);
        }
        uint epoch = scan.MaxEpoch + 1;
        var source = new FileSegmentSource(storage, Copy(identity, epoch), options);
        foreach ((string name, long number) in folder.Spares)
            source.AddFound(name, number);
        int last = scan.Last;
        long end = scan.End;
        // The end is at the end of a segment. Writing goes on in the one after it, which keeps its name: that none is there would mean that it was lost.
        if (last > scan.First && (last == folder.Segments.Count || folder.Segments[last].Status != HeaderStatus.Valid))
            last--;
        Drop(folder, source, last + 1, folder.Segments.Count);

        var log = new RecordLog(identity.Size, SegmentLayout.HeaderLength, Reserve(options, identity.Size), epoch, isTransient: false);
        log.LimitMemory(options.HotSegments(identity.Size), options.ColdSegments(identity.Size));
        for (int i = scan.First; i < last; i++)
            log.AddOlder(MapSegment(log, folder.Segments[i], identity));
        Segment active = MapSegment(log, folder.Segments[last], identity);
        int offset = Math.Max((int)(end - active.Base), SegmentLayout.HeaderLength);
        ZeroFrom(active, offset);
        bool atStart = offset == SegmentLayout.HeaderLength;
        log.Start(active, offset);
        if (identity.Size - offset < RecordLayout.AlignedLength(MarkerLayout.BodyLength))
        {
            Segment next = source.TryPrepare(active.Index + 1, out string failure)
                ?? throw new JournalException(JournalError.DiskFull, $"There is no room for the journal's next segment. {failure}");
            log.OfferNext(next);
            atStart = true;
        }
        // What survived in the page cache alone becomes durable before anyone can see it, and before the opening marker says that it is:
        // pages reach the disk in any order.
        for (int i = scan.First; i <= last; i++)
        {
            if (folder.Segments[i].Id >= scan.KnownDurable / identity.Size)
                Sync(log.FindSegment(folder.Segments[i].Id * identity.Size)!, storage);
        }
        AppendOpeningMarker(log, storage.BootId);
        if (log.Active != active)
            Sync(active, storage); // The pad before the roll.
        Sync(log.Active!, storage);
        // Only now: what says that they are not needed may have been in the page cache alone.
        Drop(folder, source, 0, scan.First);
        if (atStart && log.Active!.Index != 0)
            log.ScheduleSnapshot();
        return new RecoveredLog(log, source, new RecoveryReport
        {
            Segments = last - scan.First + 1,
            Records = scan.Records,
            Bytes = scan.Bytes,
            TornTailBytes = scan.TornBytes,
            TailPosition = end,
            Epoch = epoch,
            JournalId = identity.JournalId,
            BrokerId = identity.BrokerId,
            WasClean = scan.EndsClean && scan.TornBytes == 0,
            SameBoot = scan.LastMarker is { } marker && marker.BootId == storage.BootId,
        });
    }

    /// <summary>Takes their names from segments that do not count. The last first, so that none is ever missing in between.</summary>
    private static void Drop(JournalFolder folder, FileSegmentSource source, int from, int end)
    {
        for (int i = end - 1; i >= from; i--)
        {
            FoundSegment segment = folder.Segments[i];
            if (segment.IsCompressed)
            {
                // No spare: it is too short.
                segment.File.Dispose();
                folder.Storage.Delete(segment.File.Name);
                folder.Storage.SyncDirectory();
                continue;
            }
            bool isReadable = segment.Status == HeaderStatus.Valid || segment.Status == HeaderStatus.Empty;
            string name = isReadable ? source.NextSpareName() : AsideName(folder, segment.File.Name);
            folder.Storage.Rename(segment.File, name);
            folder.Storage.SyncDirectory();
            segment.File.Dispose();
            if (isReadable && JournalFiles.IsSpare(name, out long number))
                source.AddFound(name, number);
        }
    }

    private static Segment MapSegment(RecordLog log, FoundSegment found, in SegmentHeader identity)
    {
        found.File.Map(identity.Size);
        if (found.File is CompressedSegmentFile compressed)
            compressed.Owner = log.Decompressed;
        return new Segment
        {
            File = found.File,
            Memory = found.File.Memory,
            Length = identity.Size,
            Index = found.Id,
            Seed = RecordLayout.Seed(identity.JournalId, found.Id),
            HasSnapshot = found.HasSnapshot,
            SnapshotEnd = found.SnapshotEnd,
            PopulatedTo = identity.Size,
        };
    }

    /// <summary>Page by page, so that pages which are zero already are not written.</summary>
    private static void ZeroFrom(Segment segment, int offset)
    {
        const int page = 4096;
        while (offset < segment.Length)
        {
            int length = Math.Min(page - offset % page, segment.Length - offset);
            var bytes = new Span<byte>(segment.Memory + offset, length);
            if (bytes.ContainsAnyExcept((byte)0))
                bytes.Clear();
            offset += length;
        }
    }

    private static void AppendOpeningMarker(RecordLog log, Guid bootId)
    {
        long durable = log.Tail;
        log.MayUseLast = true;
        byte* body = log.TryClaim(RecordType.Marker, 0, MarkerLayout.BodyLength, out _, out AppendStatus status);
        log.MayUseLast = false;
        if (body == null)
            throw new InvalidOperationException($"There is no room for the opening marker: {status}.");
        Journal.WriteMarker(body, durable, log.OldestIndex, MarkerFlags.Opening, bootId);
        log.Commit();
    }

    private static void Sync(Segment segment, IJournalStorage storage)
    {
        int error = segment.File!.Sync();
        if (error != 0)
            throw NativeFile.Failure(error, "Sync", Path.Combine(storage.Location, segment.File.Name));
    }

    private static SegmentHeader Copy(in SegmentHeader header, uint epoch) =>
        new() { JournalId = header.JournalId, BrokerId = header.BrokerId, Size = header.Size, Epoch = epoch };

    private static int Reserve(JournalOptions options, int size) => options.ReserveLength != 0 ? options.ReserveLength : size / 16;

    private static string AsideName(JournalFolder folder, string name)
    {
        int number = 0;
        foreach (string file in folder.UnknownFiles)
        {
            if (JournalFiles.IsAside(file))
                number++;
        }
        string aside = JournalFiles.Aside(number, name);
        folder.UnknownFiles.Add(aside);
        return aside;
    }
}
