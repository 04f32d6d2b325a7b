using System.Globalization;

namespace LowLatency.Tests.Engine;

/// <summary>Numbered messages, sixteen to a segment of 1 MiB: what tests of cold segments publish, and know again.</summary>
internal static class ColdMessages
{
    internal const int PerSegment = 16;
    internal static readonly string Filler = new('c', 60_000);

    /// <summary>Publishes so many segments full to a queue, which is declared unless it is there, and has them on the disk.</summary>
    internal static void Fill(QueueHarness broker, string queue, int segments)
    {
        if (!broker.Has(queue))
            broker.Declare(queue);
        int from = (int)broker.Queue(queue).Entries.Next - 1;
        for (int i = 0; i < segments * PerSegment; i++)
            broker.Publish(queue, $"{queue} {from + i} {Filler}");
        broker.Engine.Core.Journal!.RequestFlush();
        broker.Engine.Run();
        broker.Engine.Events.Clear();
    }

    internal static IEnumerable<int> Numbers(int first, int count) => Enumerable.Range(first, count);

    internal static int Number(string body) => int.Parse(body.Split(' ')[1], CultureInfo.InvariantCulture);
}
