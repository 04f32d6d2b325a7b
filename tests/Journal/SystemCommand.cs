using System.Diagnostics;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Runs a command of the system; a failure fails the test.</summary>
internal static class SystemCommand
{
    internal static string Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = process.StandardOutput.ReadToEnd();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)}: {process.ExitCode} {errors}");
        return output;
    }
}
