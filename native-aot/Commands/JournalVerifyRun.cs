using LowLatency.Core.Journal;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency journal verify</c>.</summary>
internal static class JournalVerifyRun
{
    /// <returns>Exit code.</returns>
    internal static int Run(string folder)
    {
        if (!Directory.Exists(folder))
            throw new CliException(ExitCode.FolderMissing, $"There is no folder '{folder}': name the data folder of a broker.");
        VerifyResult result;
        try
        {
            result = JournalVerifier.Verify(new MappedJournalStorage(folder), ShowProgress);
        }
        catch (JournalException error)
        {
            throw JournalErrors.Explain(error);
        }
        Print(result);
        return result.Verdict == VerifyVerdict.Damaged ? ExitCode.JournalDamaged : ExitCode.Done;
    }

    private static void ShowProgress(VerifyProgress progress)
        => Terminal.Error.Progress($"segment {progress.Segment} of {progress.Segments}: {progress.FileName}");

    private static void Print(VerifyResult result)
    {
        Terminal.Error.Progress("");
        if (result.Segments.Count > 0)
            Console.Out.WriteLine(Table(result).Format());
        foreach (VerifiedSegment segment in result.Segments)
        {
            foreach (DamagedRange damage in segment.Damage)
                Console.Out.WriteLine($"damaged: {damage.FileName}, {Quantity.Count(damage.Length)} bytes from position {Quantity.Count(damage.Position)}");
        }
        foreach (long id in result.MissingSegments)
            Console.Out.WriteLine($"missing: {JournalFiles.Segment(id)}");
        foreach (string file in result.UnknownFiles)
            Console.Out.WriteLine($"not the journal's: {file}");
        if (result.Segments.Count > 0)
            Console.Out.WriteLine($"durable up to position {Quantity.Count(result.KnownDurable)}, ends at {Quantity.Count(result.End)}{(result.EndsClean ? ", after a stop in order" : "")}");
        Console.Out.WriteLine(result.Text);
    }

    private static TextTable Table(VerifyResult result)
    {
        var table = new TextTable("segment", "header", "from position", "to position", "records", "bytes", "epochs", "state");
        foreach (VerifiedSegment segment in result.Segments)
        {
            string epochs = segment.FirstEpoch == segment.LastEpoch ? $"{segment.LastEpoch}" : $"{segment.FirstEpoch} – {segment.LastEpoch}";
            string state = segment.Damage.Count > 0 ? "damaged" : segment.IsRetired ? "retired" : "intact";
            table.Add(
                segment.FileName, segment.Header.ToString().ToLowerInvariant(), Quantity.Count(segment.Base), Quantity.Count(segment.End),
                Quantity.Count(segment.Records), Quantity.Count(segment.Bytes), epochs, state);
        }
        return table;
    }
}
