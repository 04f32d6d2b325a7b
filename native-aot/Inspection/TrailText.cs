using System.Text;
using LowLatency.Core.Journal;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Inspection;

/// <summary>The life of a message as text.</summary>
internal static class TrailText
{
    /// <summary>What follows all trails: what cannot be in them.</summary>
    internal const string NotRecorded =
        """
        What the journal does not tell: to which consumer a message was delivered; deliveries to browsing and conflating subscriptions;
        when a delivery, an ack or a return was (where two times stand, it was between them, the times of the records around it);
        anything about queues that are not durable, and about messages at level memory.
        """;

    /// <param name="segmentSize">Bytes.</param>
    internal static string Format(MessageTrail trail, int segmentSize)
    {
        var text = new StringBuilder();
        text.Append($"message at position {Quantity.Count(trail.Position)} in {JournalFiles.Segment(trail.Position / segmentSize)}, epoch {trail.Epoch}\n");
        if (trail.DeadLetterOf != 0)
            Line(text, "dead letter of", $"the message at position {Quantity.Count(trail.DeadLetterOf)}");
        if (trail.MessageId.Length > 0)
            Line(text, "message id", trail.MessageId);
        if (trail.Publisher.Length > 0)
            Line(text, "publisher", $"{trail.Publisher}, its message {trail.PublisherSequence}");
        Line(text, "exchange", trail.Exchange.Length == 0 ? "the default one" : trail.Exchange);
        Line(text, "routing key", trail.RoutingKey);
        Line(text, "published", $"{JournalTime.Format(trail.PublishedNs)} by the publisher's clock");
        Line(text, trail.DeadLetterOf != 0 ? "moved" : "received", JournalTime.Format(trail.ReceivedNs));
        Line(text, "size", $"{Quantity.Count(trail.BodyLength, "byte")} of body, {Quantity.Count(trail.HeadersLength)} of headers");
        text.Append('\n');
        int width = trail.Events.Max(happened => Time(happened).Length);
        int queueWidth = trail.Events.Max(happened => happened.Queue.Length);
        int positionWidth = trail.Events.Max(happened => Quantity.Count(happened.Position).Length);
        foreach (TrailEvent happened in trail.Events)
            text.Append($"  {Time(happened).PadRight(width)}  {Quantity.Count(happened.Position).PadLeft(positionWidth)}  {happened.Queue.PadRight(queueWidth)}  {happened.What}\n");
        foreach (MessagePlace place in trail.Places)
            text.Append($"  now: {place.Queue}: {Now(place)}\n");
        return text.ToString();
    }

    private static void Line(StringBuilder text, string name, string value) => text.Append($"  {name,-14}  {value}\n");

    private static string Time(TrailEvent happened)
    {
        string time = happened.NotBeforeNs == 0 ? "?" : JournalTime.Format(happened.NotBeforeNs);
        if (happened.IsTimed)
            return time;
        return happened.NotAfterNs == 0 ? $"after {time}" : $"{time} … {JournalTime.Format(happened.NotAfterNs)}";
    }

    private static string Now(MessagePlace place) => place.State switch
    {
        PlaceState.Scheduled or PlaceState.Gone => place.Last,
        PlaceState.Ready => "waiting",
        PlaceState.Delayed => "waiting, for its back-off or ready again",
        PlaceState.Unsettled => "unacknowledged: delivered, and not settled where the journal ends; a start of the broker brings it back",
        _ => "not known: the queue is not durable",
    };
}
