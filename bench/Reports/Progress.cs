using System.Globalization;

namespace LowLatency.Bench.Reports;

/// <summary>Tells on standard error what goes on, so that standard output holds results alone.</summary>
internal sealed class Progress(TextWriter? output)
{
    /// <summary>Tells nothing.</summary>
    internal static Progress Silent { get; } = new(null);

    internal void Say(FormattableString message)
    {
        output?.WriteLine(message.ToString(CultureInfo.InvariantCulture));
        output?.Flush();
    }
}
