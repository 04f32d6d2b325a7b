using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>The decoders of all types of records: a new type is one line here, and its fields beside those of its kind.</summary>
internal static class RecordDecoders
{
    private static readonly RecordDecoder[] All =
    [
        new(RecordType.Pad, Nothing),
        new(RecordType.Message, MessageFields.Write) { Time = MessageFields.Time, Concerns = MessageFields.Concerns },
        new(RecordType.Ack, RangeFields.Write),
        new(RecordType.Requeue, RangeFields.Write),
        new(RecordType.Delivered, RangeFields.WriteDelivered) { Concerns = RangeFields.DeliveredConcerns },
        new(RecordType.DefineQueue, DefinitionFields.WriteQueue) { Concerns = FirstField },
        new(RecordType.DeleteQueue, DefinitionFields.WriteQueueId) { Concerns = FirstField },
        new(RecordType.DefineExchange, DefinitionFields.WriteExchange),
        new(RecordType.DeleteExchange, DefinitionFields.WriteExchangeId),
        new(RecordType.Bind, DefinitionFields.WriteBinding) { Concerns = DefinitionFields.BindingConcerns },
        new(RecordType.Unbind, DefinitionFields.WriteBinding) { Concerns = DefinitionFields.BindingConcerns },
        new(RecordType.DefinePublisher, DefinitionFields.WritePublisher),
        new(RecordType.Marker, SnapshotFields.WriteMarker),
        new(RecordType.Restart, SnapshotFields.WriteRestart),
        new(RecordType.SnapshotBegin, SnapshotFields.WriteBegin),
        new(RecordType.SnapshotQueue, SnapshotFields.WriteQueue) { Concerns = FirstField },
        new(RecordType.SnapshotPublisher, SnapshotFields.WritePublisher),
        new(RecordType.SnapshotEnd, Nothing),
        new(RecordType.ForgetPublisher, DefinitionFields.WritePublisherId),
        new(RecordType.SnapshotAbort, Nothing),
        new(RecordType.Group, SnapshotFields.WriteGroup),
        new(RecordType.Drop, RangeFields.WriteDrop) { Time = RangeFields.DropTime },
        new(RecordType.Due, RangeFields.WriteDue),
        new(RecordType.Defer, RangeFields.WriteDefer) { Time = RangeFields.DeferTime },
        new(RecordType.DefineVirtualHost, DefinitionFields.WriteHost),
        new(RecordType.DeleteVirtualHost, DefinitionFields.WriteHostId),
        new(RecordType.Moved, MessageFields.Write) { Concerns = MessageFields.Concerns },
    ];

    private static readonly RecordDecoder?[] ByType = Index();

    /// <returns><c>null</c> for a type that this version does not know.</returns>
    internal static RecordDecoder? Find(RecordType type) => (int)type < ByType.Length ? ByType[(int)type] : null;

    private static RecordDecoder?[] Index()
    {
        var byType = new RecordDecoder?[All.Max(decoder => (int)decoder.Type) + 1];
        foreach (RecordDecoder decoder in All)
            byType[(int)decoder.Type] = decoder;
        return byType;
    }

    private static void Nothing(RecordJson json, in JournalRecord record)
    {
    }

    /// <summary>The queue's id is the first field of the body.</summary>
    private static bool FirstField(in JournalRecord record, HashSet<uint> queues) => queues.Contains(new ControlRecordReader(record.Body).U32());
}
