using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>From received bytes to the agent.</content>
internal sealed partial class TcpDoor
{
    private string _lastQueue = "";
    private string _lastReason = "";

    private int ReceiveFrames(long nowMs)
    {
        if (_poller.HasEvents)
            _poller.Clear();
        if (_isInterrupted)
        {
            Decode(); // Perhaps nothing more comes behind what is there.
            return 1;
        }

        int received = _input.ReceiveFrom(_socket!);
        _isDrained = received == TcpSocket.WouldBlock;
        if (received > 0)
        {
            _lastReceivedMs = nowMs;
            Decode();
            return received;
        }

        if (received == 0)
            Lose(ErrorCode.NotConnected, $"The broker at {_address} has closed the connection.");
        else if (received == TcpSocket.Failed)
            LoseSocket();
        return 0;
    }

    private void Decode()
    {
        ReadOnlySpan<byte> bytes = _input.Bytes;
        if (_step == Step.Greeting && !FrameReader.CheckOpening(bytes, FrameReceiver.Client, out FrameError opening))
        {
            Lose(opening);
            return;
        }

        var sink = new Sink(this);
        _isInterrupted = true;
        try
        {
            int consumed = FrameReader.Read(bytes, FrameReceiver.Client, _maxFrameLength, ref sink, out FrameError error);
            sink.Taken = consumed;
            _isInterrupted = false;
            if (!error.IsNone)
                Lose(error);
        }
        finally
        {
            _input.Take(sink.Taken); // What a handler that threw was given counts as taken.
        }
    }

    // The frames in it, each as if it had come by itself. A batch in which a handler threw is offered again.
    private bool OnBatch(scoped ReadOnlySpan<byte> frame)
    {
        if (_isInBatch || !_isCompressed)
        {
            Lose(new FrameError(_isInBatch ? FrameFault.BatchNested : FrameFault.BatchNotAgreed, FrameType.Batch));
            return false;
        }

        if (!_batches!.TryOpen(frame, this, _takenOfBatch, out ReadOnlySpan<byte> frames, out FrameError error))
        {
            Lose(error);
            return false;
        }

        var sink = new Sink(this);
        _isInBatch = true;
        try
        {
            int consumed = FrameReader.Read(frames, FrameReceiver.Client, _maxFrameLength, ref sink, out error);
            sink.Taken = consumed;
        }
        finally
        {
            _isInBatch = false;
            _takenOfBatch += sink.Taken;
        }

        ReadOnlySpan<byte> rest = frames[sink.Taken..];
        if (rest.IsEmpty)
        {
            _batches.Close();
            _takenOfBatch = 0;
            return true;
        }

        if (error.IsNone && BatchCodec.IsCut(rest))
            error = new FrameError(FrameFault.BatchCut, FrameType.Batch);
        if (!error.IsNone)
            Lose(error);
        return false;
    }

    private void Lose(in FrameError error) => Lose(error.Code,
        $"The broker at {_address} sent bytes that cannot be understood: {error.Sentence}");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        if (type == FrameType.Deliver && _step == Step.Open)
            OnDeliver(frame);
        else if (type == FrameType.Confirm && _step == Step.Open)
            OnConfirm(frame);
        else
            OnOther(type, frame);
        return !IsLost && !Agent.IsCloseRequested;
    }

    private void OnDeliver(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseDeliver(frame, out DeliverView view, out FrameError error))
        {
            Lose(error);
            return;
        }

        ref readonly DeliverFrame fields = ref view.Fields;
        if (Agent.FindSubscription(fields.Subscription) is not { } subscription)
            return; // Ended in between.
        bool isInOrder = subscription.OnDelivered(
            in frame[FrameLayout.DeliverBlock], view.Payload, fields.Tag, fields.QueueSequence, view.DeliveryCount, view.Redelivered,
            fields.ReceivedNs + fields.DispatchedDeltaNs);
        if (!isInOrder)
            Agent.BrokenRule($"delivery {fields.Tag} out of turn");
    }

    private void OnDeliverConflated(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseDeliverConflated(frame, out DeliverView view, out FrameError error))
        {
            Lose(error);
            return;
        }

        ref readonly DeliverConflatedFrame fields = ref MemoryMarshal.AsRef<DeliverConflatedFrame>(frame);
        ref readonly DeliverFrame deliver = ref fields.Deliver;
        if (Agent.FindSubscription(deliver.Subscription) is not { } subscription)
            return; // Ended in between.
        bool isInOrder = subscription.OnDelivered(
            in frame[FrameLayout.DeliverBlock], view.Payload, deliver.Tag, deliver.QueueSequence, view.DeliveryCount, view.Redelivered,
            deliver.ReceivedNs + deliver.DispatchedDeltaNs, fields.FirstSequence, fields.Elided);
        if (!isInOrder)
            Agent.BrokenRule($"delivery {deliver.Tag} out of turn");
    }

    private void OnConfirm(scoped ReadOnlySpan<byte> frame)
    {
        if (!FrameParser.TryParseConfirm(frame, out ConfirmFrame fields, out FrameError error))
            Lose(error);
        else
            Agent.OnConfirmed(fields.Publication, fields.Sequence, (DurabilityLevel)fields.Level);
    }

    private void OnOther(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        if (!IsAllowed(type))
        {
            Agent.BrokenRule($"{type} when it was not due");
            return;
        }

        if (type == FrameType.DeliverConflated)
        {
            OnDeliverConflated(frame);
            return;
        }

        if (type == FrameType.Heartbeat)
            return;
        if (!FrameParser.TryCheck(frame, out FrameError error))
        {
            Lose(error);
            return;
        }

        FrameShape shape = FrameShape.Of(type)!;
        if (shape.Event != 0)
            Agent.OnAnswer(shape.Event, frame);
        else
            OnNotice(type, frame, new FrameParts(frame[shape.FixedLength..]));
    }

    private void OnNotice(FrameType type, scoped ReadOnlySpan<byte> frame, scoped FrameParts parts)
    {
        switch (type)
        {
            case FrameType.Welcome:
                OnWelcome(MemoryMarshal.Read<WelcomeFrame>(frame));
                break;
            case FrameType.Error or FrameType.Close:
                OnRefusal((ErrorCode)MemoryMarshal.Read<CloseFrame>(frame).Code, Encoding.UTF8.GetString(parts.Long()));
                break;
            case FrameType.Rejected:
                OnRejected(MemoryMarshal.Read<RejectedFrame>(frame), parts);
                break;
            case FrameType.PublicationReady:
                Agent.OnPublicationReady(MemoryMarshal.Read<PublicationReadyFrame>(frame).Publication);
                break;
            case FrameType.PublicationEnded:
                PublicationEndedFrame ended = MemoryMarshal.Read<PublicationEndedFrame>(frame);
                Agent.OnPublicationEnded(ended.Publication, (ErrorCode)ended.Code, Encoding.UTF8.GetString(parts.Long()));
                break;
            case FrameType.SubscriptionEnded:
                SubscriptionEndedFrame over = MemoryMarshal.Read<SubscriptionEndedFrame>(frame);
                Agent.OnSubscriptionEnded(over.Subscription, (ErrorCode)over.Code, Encoding.UTF8.GetString(parts.Long()));
                break;
        }
    }

    // Before the connection is open the broker lets it in or refuses it; after, it does not let it in again.
    private bool IsAllowed(FrameType type) => _step == Step.Open
        ? type != FrameType.Welcome
        : type is FrameType.Welcome or FrameType.Error or FrameType.Close;

    private void OnWelcome(in WelcomeFrame fields)
    {
        const uint Longest = 1 << 30;
        if (fields.Version != FrameLayout.Version)
        {
            Lose(new LowLatencyException(ErrorCode.UnsupportedVersion,
                $"The broker at {_address} answers in protocol version {fields.Version}; this client speaks {FrameLayout.Version}: update the older one of the two."), isFinal: true);
            return;
        }

        if (fields.HeartbeatMs == 0 || fields.MaxFrameLength > Longest || fields.MaxBodyLength > fields.MaxFrameLength || fields.MaxCreditMessages == 0)
        {
            Agent.BrokenRule("a Welcome whose limits make no sense");
            return;
        }

        if (fields.Flags != 0 && _batches == null)
        {
            Agent.BrokenRule("a Welcome with compression that was not asked for");
            return;
        }

        if (fields.Flags != 0)
        {
            Volatile.Write(ref _isCompressed, true);
            _output.Compress(new BatchPacker(_batches!));
        }

        _step = Step.Open;
        _heartbeatMs = fields.HeartbeatMs;
        _lastSentMs = Environment.TickCount64;
        _lastReceivedMs = _lastSentMs;
        // What the broker takes in one frame it may deliver in one, and its sentences are this long.
        _maxFrameLength = (int)Math.Max(fields.MaxFrameLength, 2 * ushort.MaxValue) + FrameLayout.DeliverPayload;
        Agent.OnWelcome(new BrokerFacts(
            (int)fields.MaxBodyLength, (int)Math.Min(fields.MaxCreditMessages, int.MaxValue),
            (int)fields.MaxBodyLength + FrameLayout.MaxStringLength + ushort.MaxValue));
    }

    private void OnRefusal(ErrorCode code, string reason)
    {
        bool isFinal = ConnectionAgent.IsFinal(code);
        ErrorCode told = code == ErrorCode.None ? ErrorCode.NotConnected : code;
        Lose(new LowLatencyException(told, $"The broker at {_address} has ended the connection: {reason}"), isFinal);
    }

    // The same queue and sentence come for thousands of messages: made into strings once.
    private void OnRejected(in RejectedFrame fields, scoped FrameParts parts)
    {
        ReadOnlySpan<byte> queue = parts.String();
        if (!IsSame(_lastQueue, queue))
            _lastQueue = Encoding.UTF8.GetString(queue);
        ReadOnlySpan<byte> text = parts.Long();
        if (!IsSame(_lastReason, text))
            _lastReason = Encoding.UTF8.GetString(text);
        Agent.OnRejected(fields.Publication, fields.Sequence, (ErrorCode)fields.Code, _lastQueue, _lastReason);
    }

    private static bool IsSame(string text, ReadOnlySpan<byte> utf8)
    {
        const int Limit = 1024;
        if (utf8.Length > Limit)
            return false;
        Span<char> chars = stackalloc char[Limit];
        return Encoding.UTF8.TryGetChars(utf8, chars, out int count) && chars[..count].SequenceEqual(text);
    }

    private struct Sink(TcpDoor door) : IFrameSink
    {
        /// <summary>Bytes of the frames given to the agent.</summary>
        internal int Taken { get; set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
        {
            if (type == FrameType.Batch)
            {
                bool isTaken = door.OnBatch(frame) && !door.IsLost;
                Taken += isTaken ? FrameLayout.PaddedLength(frame.Length) : 0;
                return isTaken;
            }

            Taken += FrameLayout.PaddedLength(frame.Length);
            return door.OnFrame(type, frame);
        }
    }
}
