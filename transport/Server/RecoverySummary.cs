using System.Globalization;
using System.Text;
using LowLatency.Core.Journal;

namespace LowLatency.Transport.Server;

/// <summary>Says in a few lines what opening the journal found.</summary>
internal static class RecoverySummary
{
    private const double BytesPerMiB = 1024 * 1024;

    internal static string Describe(RecoveryReport report, long messages)
    {
        StringBuilder text = new();
        CultureInfo culture = CultureInfo.InvariantCulture;
        if (report.IsNew)
        {
            text.Append(culture, $"New journal, epoch {report.Epoch}.");
        }
        else
        {
            text.Append(culture, $"Recovered {messages:N0} messages from {report.Records:N0} records in {report.Segments} segments ({report.Bytes / BytesPerMiB:N1} MiB) in {report.ElapsedMs:N0} ms, epoch {report.Epoch}; ");
            text.Append(report.WasClean ? "the last stop was clean." : "the last stop was not clean.");
            if (report.TornTailBytes > 0)
                text.AppendLine().Append(culture, $"Cut off {report.TornTailBytes:N0} bytes that were begun and never confirmed at level disk.");
        }

        foreach (string warning in report.Warnings)
            text.AppendLine().Append("Warning: ").Append(warning);
        foreach (string file in report.UnknownFiles)
            text.AppendLine().Append("Left alone, not the journal's: ").Append(file);
        return text.ToString();
    }
}
