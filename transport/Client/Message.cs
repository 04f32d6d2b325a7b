namespace LowLatency.Client;

/// <summary>A delivery with bytes of its own, from <see cref="Subscription.ReadAllAsync"/>.</summary>
public sealed class Message
{
    internal Message(Subscription subscription, in Delivery delivery)
    {
        Subscription = subscription;
        int keyLength = delivery.RoutingKey.Length;
        int headersLength = delivery.Headers.Length;
        byte[] bytes = GC.AllocateUninitializedArray<byte>(keyLength + headersLength + delivery.Body.Length);
        delivery.RoutingKey.CopyTo(bytes);
        delivery.Headers.CopyTo(bytes.AsSpan(keyLength));
        delivery.Body.CopyTo(bytes.AsSpan(keyLength + headersLength));
        RoutingKey = bytes.AsMemory(0, keyLength);
        Headers = bytes.AsMemory(keyLength, headersLength);
        Body = bytes.AsMemory(keyLength + headersLength);
        Tag = delivery.Tag;
        QueueSequence = delivery.QueueSequence;
        FirstSequence = delivery.FirstSequence;
        Elided = delivery.Elided;
        DeliveryCount = delivery.DeliveryCount;
        IsRedelivered = delivery.IsRedelivered;
        PublishedNs = delivery.PublishedNs;
        ReceivedNs = delivery.ReceivedNs;
        JournaledNs = delivery.JournaledNs;
        DispatchedNs = delivery.DispatchedNs;
    }

    /// <summary>Where it came from.</summary>
    public Subscription Subscription { get; }

    /// <summary>The message's body.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Its properties and header table, read in place.</summary>
    public Properties Properties => new(Headers.Span);

    /// <summary>The message's headers as they stand: a content header, or empty.</summary>
    public ReadOnlyMemory<byte> Headers { get; }

    /// <summary>The routing key in UTF-8.</summary>
    public ReadOnlyMemory<byte> RoutingKey { get; }

    /// <inheritdoc cref="Delivery.Tag"/>
    public ulong Tag { get; }

    /// <inheritdoc cref="Delivery.QueueSequence"/>
    public ulong QueueSequence { get; }

    /// <inheritdoc cref="Delivery.FirstSequence"/>
    public ulong FirstSequence { get; }

    /// <inheritdoc cref="Delivery.Elided"/>
    public ulong Elided { get; }

    /// <inheritdoc cref="Delivery.DeliveryCount"/>
    public int DeliveryCount { get; }

    /// <inheritdoc cref="Delivery.IsRedelivered"/>
    public bool IsRedelivered { get; }

    /// <inheritdoc cref="Delivery.PublishedNs"/>
    public long PublishedNs { get; }

    /// <inheritdoc cref="Delivery.ReceivedNs"/>
    public long ReceivedNs { get; }

    /// <inheritdoc cref="Delivery.JournaledNs"/>
    public long JournaledNs { get; }

    /// <inheritdoc cref="Delivery.DispatchedNs"/>
    public long DispatchedNs { get; }

    /// <summary>Done with it: the broker forgets it. Any thread.</summary>
    public void Ack() => Subscription.Ack(Tag);

    /// <summary>Back to its place in the queue, to be delivered again. Any thread.</summary>
    public void Requeue() => Subscription.Requeue(Tag);

    /// <summary>Not wanted: it is dead-lettered where the queue says so, else forgotten. Any thread.</summary>
    public void Reject() => Subscription.Reject(Tag);
}
