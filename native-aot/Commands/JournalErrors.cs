using LowLatency.Core.Journal;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>Errors of the journal as exit codes. Their messages say what to do.</summary>
internal static class JournalErrors
{
    internal static CliException Explain(JournalException error) => new(
        error.Error switch
        {
            JournalError.FormatTooNew => ExitCode.JournalNewer,
            JournalError.Damaged or JournalError.MissingSegment or JournalError.ForeignSegment => ExitCode.JournalDamaged,
            JournalError.Locked => ExitCode.FolderLocked,
            JournalError.FolderMissing => ExitCode.FolderMissing,
            JournalError.NoPermission => ExitCode.NoPermission,
            JournalError.DiskFull => ExitCode.DiskFull,
            JournalError.LibraryMissing => ExitCode.LibraryMissing,
            JournalError.InvalidOption => ExitCode.BadArguments,
            _ => ExitCode.JournalFailed,
        },
        error.Message,
        error);
}
