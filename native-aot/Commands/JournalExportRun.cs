using System.Text.Json;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Server.Cli;
using LowLatency.Server.Inspection;
using LowLatency.Server.Lines;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency journal export</c>: the messages that queues hold, as JSON lines.</summary>
internal sealed class JournalExportRun : IJournalVisitor, IDisposable
{
    private const int ProgressEvery = 65_536;

    private readonly JournalReplay _replay = new();
    private readonly JournalNames _names = new();
    private readonly JournalView _view;
    private readonly string? _queue;
    private long _absent;
    private bool _showsProgress;

    private JournalExportRun(string folder, string? queue)
    {
        _queue = queue;
        _view = JournalView.Open(folder, showsProgress: true);
    }

    /// <param name="queue">Name of a queue; <c>null</c> for all.</param>
    /// <param name="output">File to write; <c>null</c> for standard output.</param>
    /// <param name="force">Whether a file that is there may be written over.</param>
    /// <returns>Exit code.</returns>
    internal static int Run(string folder, string? queue, string? output, bool force)
    {
        using var run = new JournalExportRun(folder, queue);
        return run.Run(output, force);
    }

    public bool OnRecord(in JournalRecord record)
    {
        _names.Define(record);
        _replay.Apply(record);
        _names.Forget(record);
        return true;
    }

    public void Dispose()
    {
        _replay.Dispose();
        _view.Dispose();
    }

    private int Run(string? output, bool force)
    {
        JournalExportRun visitor = this;
        JournalEnd end = _view.RunWhole(ref visitor);
        BrokerQueue[] queues = Array.FindAll(_replay.Topology.QueuesById(), queue => _queue == null || JournalNames.IsNamed(JournalNames.NameOf(queue), _queue));
        if (_queue != null && queues.Length == 0)
            throw new CliException(ExitCode.NotFound, $"There is no durable queue '{_queue}' in the journal. {Known()}");
        using FileStream? file = output == null ? null : Create(output, force);
        using var lines = new JsonLines(file == null ? OutputFile.StandardOutput : (int)file.SafeFileHandle.DangerousGetHandle());
        Write(lines, queues, showsProgress: output != null || Console.IsOutputRedirected);
        Terminal.Error.Line($"{Quantity.Count(lines.Count, "message")} of {Quantity.Count(queues.Length, "queue")} written{(output == null ? "" : $" to {output}")}.");
        if (_absent > 0)
            Terminal.Error.Line($"{Quantity.Count(_absent, "message")} more left their queues while they were to be read.");
        return _view.Finish(end);
    }

    private string Known()
    {
        BrokerQueue[] queues = _replay.Topology.QueuesById();
        return queues.Length == 0 ? "It has none." : $"It has {string.Join(", ", queues.Take(10).Select(JournalNames.NameOf))}{(queues.Length > 10 ? " and others" : "")}.";
    }

    private FileStream Create(string path, bool force)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) == _view.Reader.Folder.Storage.Location)
            throw new CliException(ExitCode.BadArguments, $"{path} is in the folder of the journal, where nothing is written: name a file in another one.");
        try
        {
            return new FileStream(path, force ? FileMode.Create : FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (IOException) when (!force && File.Exists(path))
        {
            throw new CliException(ExitCode.InputOrOutput, $"{path} is there already: name another file, or write over it with --force.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.InputOrOutput, $"{path} cannot be written: {error.Message}", error);
        }
    }

    private unsafe void Write(JsonLines lines, BrokerQueue[] queues, bool showsProgress)
    {
        _showsProgress = showsProgress;
        var json = new RecordJson(lines.Json, _names, _view.Reader.SegmentSize) { WithHeaders = true, WithPayload = true };
        using var fetcher = new MessageFetcher(_view.Reader);
        foreach (BrokerQueue queue in queues)
        {
            for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry != null)
                    Write(lines, json, fetcher, queue, entry->Position, StateOf(entry->State), "sequence", sequence, entry->DeliveryCount);
            }
            if (queue.Scheduled == null)
                continue;
            ScheduledMessage[] scheduled = queue.Scheduled.Items.ToArray();
            Array.Sort(scheduled, static (a, b) => (a.DueNs, a.Number).CompareTo((b.DueNs, b.Number)));
            foreach (ScheduledMessage message in scheduled)
                Write(lines, json, fetcher, queue, message.Position, "scheduled", "scheduleNumber", message.Number, 0);
        }
        lines.Flush();
        Terminal.Error.Progress("");
    }

    private unsafe void Write(
        JsonLines lines, RecordJson json, MessageFetcher fetcher, BrokerQueue queue, long position, string state, string numberName, long number, int returns)
    {
        if (!fetcher.TryFetch(position, out ReadOnlySpan<byte> body))
        {
            _absent++;
            return;
        }
        Utf8JsonWriter writer = lines.Json;
        writer.WriteStartObject();
        writer.WriteString("queue", JournalNames.NameOf(queue));
        writer.WriteNumber(numberName, number);
        writer.WriteNumber("position", position);
        writer.WriteString("state", state);
        writer.WriteNumber("returns", returns);
        fixed (byte* at = body)
        {
            var view = new MessageView(at, body.Length);
            MessageFields.WriteWhere(json, in view);
            MessageFields.WriteContent(json, in view);
        }
        writer.WriteEndObject();
        lines.EndLine();
        if (_showsProgress && lines.Count % ProgressEvery == 0)
            Terminal.Error.Progress($"{Quantity.Count(lines.Count)} messages written");
    }

    private static string StateOf(EntryState state) => state switch
    {
        EntryState.Unsettled => "unacknowledged",
        EntryState.Delayed => "delayed",
        _ => "waiting",
    };
}
