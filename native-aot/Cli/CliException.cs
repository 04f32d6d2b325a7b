namespace LowLatency.Server.Cli;

/// <summary>Ends the program with one line for the user and an exit code.</summary>
internal sealed class CliException : Exception
{
    /// <param name="exitCode">One of <see cref="Cli.ExitCode"/>.</param>
    /// <param name="message">What is wrong and what to do, in a sentence or two.</param>
    /// <param name="cause">What it was made from, if anything.</param>
    internal CliException(int exitCode, string message, Exception? cause = null)
        : base(message, cause) => ExitCode = exitCode;

    internal int ExitCode { get; }
}
