namespace LowLatency.Server.Cli;

/// <summary>Exit codes of the program. Scripts rely on them: values are frozen, and <c>lowlatency --help</c> prints the table.</summary>
internal static class ExitCode
{
    internal const int Done = 0;
    internal const int Bug = 1;
    internal const int BadArguments = 2;
    internal const int InputOrOutput = 3;
    internal const int Unreachable = 4;
    internal const int Refused = 5;
    internal const int NotConfirmed = 6;
    internal const int Idle = 7;
    internal const int ProofFailed = 8;
    internal const int AddressInUse = 10;
    internal const int AddressNotUsable = 11;
    internal const int FolderMissing = 12;
    internal const int NoPermission = 13;
    internal const int FolderLocked = 14;
    internal const int JournalNewer = 15;
    internal const int JournalDamaged = 16;
    internal const int DiskFull = 17;
    internal const int JournalFailed = 18;
    internal const int NotInTime = 19;
    internal const int NotFound = 20;
    internal const int LibraryMissing = 21;
    internal const int Interrupted = 130;

    /// <summary>One line for each code, for people.</summary>
    internal const string Table =
        """
        Exit codes:
           0  done                                    10  serve: address in use
           1  a bug: please report it                 11  serve: address cannot be used
           2  bad arguments                           12  folder missing
           3  input or output cannot be used          13  no permission
           4  broker not reachable                    14  data folder in use by another broker
           5  broker refused or ended it              15  journal of a newer format
           6  pub: something was not confirmed        16  journal damaged
           7  sub: too few before the idle timeout    17  disk full
           8  demo, torture, simulate: proof failed   18  journal failed while running
                                                      19  serve: not everything done before the stop timeout
                                                      20  journal: no such message or queue
                                                      21  no LZ4 library, and the journal is compressed
                                                     130  interrupted
        """;
}
