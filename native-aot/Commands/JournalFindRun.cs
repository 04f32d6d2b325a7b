using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Inspection;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency journal find</c>: the life of a message.</summary>
internal static class JournalFindRun
{
    /// <param name="id">The message-id property; <c>null</c> to look by position.</param>
    /// <param name="position">In the record that is looked for.</param>
    /// <returns>Exit code.</returns>
    internal static int Run(string folder, string? id, long position)
    {
        using JournalView view = JournalView.Open(folder, showsProgress: true);
        using var finder = new MessageFinder(id, position);
        MessageFinder visitor = finder;
        JournalEnd end = view.RunWhole(ref visitor);
        finder.EndGroup();
        foreach (MessageTrail trail in finder.Trails)
            Console.Out.WriteLine(TrailText.Format(trail, view.Reader.SegmentSize));
        if (finder.PassedOver > 0)
            Console.Out.WriteLine($"{Quantity.Count(finder.PassedOver)} more with this id; 'lowlatency journal find {folder} --position …' tells of each.\n");
        if (finder.Trails.Count > 0)
            Console.Out.WriteLine(TrailText.NotRecorded);
        Console.Out.Flush();
        int code = view.Finish(end);
        if (finder.Trails.Count > 0 || code != ExitCode.Done)
            return code;
        throw new CliException(ExitCode.NotFound, Absent(view, finder, id, position));
    }

    private static string Absent(JournalView view, MessageFinder finder, string? id, long position)
    {
        if (finder.OtherType is { } type)
            return $"At position {position} is a record of type {type}, no message: 'lowlatency journal dump {view.Folder} --position {position}' shows it.";
        string what = id == null ? $"There is no record at position {position}" : $"There is no message with the id '{id}'";
        return $"{what} in the journal, which begins at position {view.Reader.OldestSegment * view.Reader.SegmentSize}: what was before is done with, and what was for queues that are not durable was never in it.";
    }
}
