using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Inspection;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency journal list</c>: a table of the files.</summary>
internal static class JournalListRun
{
    /// <returns>Exit code.</returns>
    internal static int Run(string folder)
    {
        using JournalView view = JournalView.Open(folder, showsProgress: true);
        using var tally = new SegmentTally(view.Reader.SegmentSize);
        SegmentTally visitor = tally;
        JournalEnd end = view.RunWhole(ref visitor);
        tally.CountLive();
        Console.Out.WriteLine(Table(view.Reader, tally, end).Format());
        Console.Out.Flush();
        return view.Finish(end);
    }

    private static TextTable Table(JournalReader reader, SegmentTally tally, JournalEnd end)
    {
        var table = new TextTable("file", "segment", "state", "from position", "to position", "used", "records", "live messages", "live bytes", "first time", "last time");
        var total = new SegmentCounts();
        foreach (FoundSegment segment in reader.Folder.Segments)
        {
            SegmentCounts counts = tally.Of(segment.Id);
            total.Add(counts);
            long start = segment.Id * reader.SegmentSize;
            table.Add(
                segment.File.Name, $"{segment.Id}", StateOf(segment, reader, end) + (segment.IsCompressed ? ", compressed" : ""), Quantity.Count(start), Quantity.Count(counts.End == 0 ? start : counts.End),
                Quantity.Bytes(counts.UsedBytes), Quantity.Count(counts.Records), Quantity.Count(counts.LiveMessages), Quantity.Bytes(counts.LiveBytes),
                Time(counts.FirstNs), Time(counts.LastNs));
        }
        foreach ((string name, _) in reader.Folder.Spares)
            table.Add(name, "", "spare");
        foreach (string name in reader.Folder.UnknownFiles)
            table.Add(name, "", JournalFiles.IsAside(name) ? "put aside" : "unknown file");
        table.AddRule();
        table.Add(
            "total", Quantity.Count(reader.Folder.Segments.Count), "", "", "", Quantity.Bytes(total.UsedBytes), Quantity.Count(total.Records),
            Quantity.Count(total.LiveMessages), Quantity.Bytes(total.LiveBytes), Time(total.FirstNs), Time(total.LastNs));
        return table;
    }

    private static string StateOf(FoundSegment segment, JournalReader reader, JournalEnd end)
    {
        if (segment.Id < reader.OldestSegment)
            return "stale";
        long after = end.Position - segment.Id * reader.SegmentSize;
        if (after > reader.SegmentSize)
            return "closed";
        bool isBroken = end.Kind is not (JournalEndKind.End or JournalEndKind.TornTail);
        if (after == reader.SegmentSize && (isBroken || reader.Folder.Segments[^1] != segment))
            return "closed";
        if (isBroken)
            return after >= 0 && end.Kind == JournalEndKind.Damaged ? "damaged" : "not read";
        return after > SegmentLayout.HeaderLength ? "current" : "ready";
    }

    private static string Time(long ns) => ns == 0 ? "" : JournalTime.FormatSeconds(ns);
}
