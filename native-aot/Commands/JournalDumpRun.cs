using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Inspection;
using LowLatency.Server.Lines;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency journal dump</c>: records as JSON lines on standard output, one after the other.</summary>
internal sealed class JournalDumpRun : IJournalVisitor, IDisposable
{
    private readonly JournalDumpOptions _options;
    private readonly JournalView _view;
    private readonly JournalNames _names;
    private readonly JournalClock _clock = new();
    private readonly JsonLines _lines = new(OutputFile.StandardOutput);
    private readonly RecordJson _json;

    private JournalDumpRun(JournalDumpOptions options)
    {
        _options = options;
        _view = JournalView.Open(options.Folder, Console.IsOutputRedirected);
        _names = new JournalNames(options.Queue);
        _json = new RecordJson(_lines.Json, _names, _view.Reader.SegmentSize) { WithHeaders = options.WithHeaders, WithPayload = options.WithPayload };
    }

    /// <returns>Exit code.</returns>
    internal static int Run(JournalDumpOptions options)
    {
        using var run = new JournalDumpRun(options);
        return run.Run();
    }

    public bool OnRecord(in JournalRecord record)
    {
        if (_options.Positions.IsBefore(record))
            return false;
        _names.Define(record);
        _clock.Take(record);
        if (IsWanted(record))
        {
            _json.Write(record);
            _lines.EndLine();
        }
        _names.Forget(record);
        return true;
    }

    public void Dispose()
    {
        _lines.Dispose();
        _view.Dispose();
    }

    private int Run()
    {
        JournalDumpRun visitor = this;
        JournalEnd end;
        try
        {
            end = _view.Run(ref visitor);
        }
        finally
        {
            _lines.Flush(); // What came before the fault, too.
        }
        if (_options.Queue != null && _names.SelectedQueues.Count == 0)
            Terminal.Error.Line($"The journal defines no queue '{_options.Queue}'. 'lowlatency journal dump {_options.Folder} --type DefineQueue' shows those that it does.");
        return _view.Finish(end);
    }

    // What tells no time has that of the record before it.
    private bool IsWanted(in JournalRecord record) =>
        _options.Positions.Contains(record)
        && _clock.NowNs >= _options.FromNs && _clock.NowNs <= _options.ToNs
        && (_options.Types.Count == 0 || _options.Types.Contains(record.Type))
        && (_options.Queue == null || (RecordDecoders.Find(record.Type)?.Concerns(record, _names.SelectedQueues) ?? false));
}
