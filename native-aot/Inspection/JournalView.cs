using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Commands;

namespace LowLatency.Server.Inspection;

/// <summary>A journal that a command looks at: opened for reading only, with progress on a terminal, and told of at the end.</summary>
internal sealed class JournalView : IDisposable
{
    private readonly MappedJournalStorage _storage;

    private JournalView(string folder, bool showsProgress)
    {
        Folder = folder;
        _storage = new MappedJournalStorage(folder);
        Process = JournalHolder.Find(_storage);
        try
        {
            Reader = JournalReader.Open(_storage, showsProgress ? ShowProgress : null);
        }
        catch
        {
            _storage.Dispose();
            throw;
        }
    }

    internal string Folder { get; }

    internal JournalReader Reader { get; }

    /// <summary>Process of the broker that has it open; 0 when none is known.</summary>
    internal int Process { get; }

    /// <param name="folder">As it was given.</param>
    /// <param name="showsProgress">Not where the output goes to the same terminal.</param>
    /// <exception cref="CliException">No journal, or one that cannot be read.</exception>
    internal static JournalView Open(string folder, bool showsProgress)
    {
        if (!Directory.Exists(folder))
            throw new CliException(ExitCode.FolderMissing, $"There is no folder '{folder}': name the data folder of a broker.");
        try
        {
            return new JournalView(folder, showsProgress);
        }
        catch (JournalException error)
        {
            throw JournalErrors.Explain(error);
        }
    }

    /// <summary>Feeds all records to a visitor.</summary>
    /// <exception cref="CliException">A file cannot be read, or its records make no sense.</exception>
    internal JournalEnd Run<TVisitor>(ref TVisitor visitor)
        where TVisitor : IJournalVisitor
    {
        try
        {
            return Reader.Run(ref visitor);
        }
        catch (JournalException error)
        {
            throw JournalErrors.Explain(error);
        }
        finally
        {
            Terminal.Error.Progress("");
        }
    }

    /// <summary>As <see cref="Run"/>, for what only all records together tell.</summary>
    /// <exception cref="CliException">As above, or the broker that has the journal open took a segment away before it was read.</exception>
    internal JournalEnd RunWhole<TVisitor>(ref TVisitor visitor)
        where TVisitor : IJournalVisitor
    {
        JournalEnd end = Run(ref visitor);
        return end.Kind == JournalEndKind.Retired ? throw new CliException(ExitCode.InputOrOutput, end.Text) : end;
    }

    /// <summary>Says on standard error where reading ended.</summary>
    /// <returns>Exit code: that of <c>verify</c> where the journal is damaged.</returns>
    internal int Finish(JournalEnd end)
    {
        if (end.Kind != JournalEndKind.Stopped)
            Terminal.Error.Line(end.Text);
        if (Process != 0)
            Terminal.Error.Line($"A broker (process {Process}) has the journal open: this is how it was while it was read.");
        return end.Kind switch
        {
            JournalEndKind.Damaged or JournalEndKind.MissingSegment => ExitCode.JournalDamaged,
            JournalEndKind.Retired => ExitCode.InputOrOutput,
            _ => ExitCode.Done,
        };
    }

    public void Dispose()
    {
        Reader.Dispose();
        _storage.Dispose();
    }

    private static void ShowProgress(VerifyProgress progress)
        => Terminal.Error.Progress($"segment {progress.Segment} of {progress.Segments}: {progress.FileName}");
}
