// The older service's client, as its documentation has it, for the job that is named:
// node --experimental-websocket client.js JOB
const jobId = process.argv[2];

const ws = new WebSocket(`ws://localhost:8000/progress/ws/${jobId}`);
ws.onmessage = (event) => {
    const data = JSON.parse(event.data);
    console.log(`Status: ${data.status}, Progress: ${data.progress}%`);
};
